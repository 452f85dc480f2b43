// What every peer of the benchmark carries.

export const TYPE = "send_verify_email";

export const plain = () => ({ username: "alice10" });

/** With the moment that lateness is counted from, in milliseconds since the Unix epoch. */
export const at = (unixMs) => ({ username: "alice10", at_unix_ns: Math.round(unixMs * 1e6) });
