module aftercommit/bench/peers/common

go 1.24.0

require aftercommit/interop/common v0.0.0

replace aftercommit/interop/common => ../../../interop/common
