//! Compiles the API definition in `proto/` without `protoc`: server code, and the descriptors that the JSON
//! gateway, reflection and the API document are made from.

use std::{error::Error, fs, path::PathBuf};

const PROTO_ROOT: &str = "../../proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO_ROOT}");

    let mut compiler = protox::Compiler::new([PROTO_ROOT])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_file("service_simple_bank.proto")?;

    // Encoded by the compiler, because only it keeps the `google.api.http` annotations.
    let descriptors = out_dir()?.join("simple_bank.descriptors.bin");
    fs::write(descriptors, compiler.encode_file_descriptor_set())?;

    tonic_prost_build::configure()
        .build_transport(false)
        // These carry secrets; `pb.rs` writes their Debug.
        .skip_debug(["pb.CreateUserRequest", "pb.VerifyEmailRequest"])
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script through the environment where to write"
)]
fn out_dir() -> Result<PathBuf, std::env::VarError> {
    std::env::var("OUT_DIR").map(PathBuf::from)
}
