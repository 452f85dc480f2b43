# The bank as an image: one program, and nobody is root. `docker build -t simplebank .`

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The image is the toolchain; this file would have another one downloaded.
RUN rm rust-toolchain.toml
# The caches outlive a change of the source, so that dependencies are compiled once.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --locked --release --package simplebank && cp target/release/simplebank /simplebank

FROM debian:bookworm-slim
RUN useradd --uid 10001 --create-home --home-dir /data bank
COPY --from=build /simplebank /usr/local/bin/simplebank
# What the bank writes without being told where: in development the key it makes, mails as files, an SQLite file.
USER bank
WORKDIR /data
VOLUME /data
EXPOSE 8080 9090
ENTRYPOINT ["simplebank"]
