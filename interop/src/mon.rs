//! asynqmon's HTTP API.

use anyhow::Context as _;
use reqwest::{Method, StatusCode};

use crate::{GoProcess, Program, Redis};

/// A running asynqmon 0.7.2.
#[derive(Debug)]
pub struct GoMon {
    process: GoProcess,
    http: reqwest::Client,
    /// `http://127.0.0.1:PORT/api`.
    pub api: String,
}

impl GoMon {
    /// Starts it and waits until it listens.
    pub async fn start(redis: &Redis) -> anyhow::Result<Self> {
        let mut process = GoProcess::start(Program::Gomon, &redis.args()).await?;
        let addr = process.ready().await?.addr.context("asynqmon says where it listens")?;
        Ok(Self { process, http: reqwest::Client::new(), api: format!("http://{addr}/api") })
    }

    /// Sends a request without a body to a path such as `queues/default:pause`, and answers the status and the body:
    /// JSON, or asynqmon's words about what went wrong.
    pub async fn ask(&self, method: Method, path: &str) -> anyhow::Result<(StatusCode, String)> {
        let response = self.http.request(method, format!("{}/{path}", self.api)).send().await?;
        Ok((response.status(), response.text().await?))
    }

    /// Stops it.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.process.stop().await
    }
}
