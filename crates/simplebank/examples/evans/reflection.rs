//! What a server says of itself.

use anyhow::{Result, bail};
use prost::Message;
use prost_reflect::DescriptorPool;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use std::collections::BTreeMap;
use tokio_stream::StreamExt;
use tonic::transport::Channel;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

/// The reflection service of a server.
pub(crate) struct Reflection(ServerReflectionClient<Channel>);

impl Reflection {
    pub(crate) fn of(channel: &Channel) -> Self {
        Self(ServerReflectionClient::new(channel.clone()))
    }

    /// The names of the services.
    pub(crate) async fn services(&mut self) -> Result<Vec<String>> {
        match self.ask(MessageRequest::ListServices(String::new())).await? {
            MessageResponse::ListServicesResponse(list) => {
                Ok(list.service.into_iter().map(|service| service.name).collect())
            }
            other => bail!("the server answered with {other:?}"),
        }
    }

    /// The file that defines a name, and all that it imports.
    pub(crate) async fn files_of(&mut self, name: &str) -> Result<DescriptorPool> {
        let mut files = BTreeMap::new();
        let mut wanted = vec![MessageRequest::FileContainingSymbol(name.to_owned())];
        while let Some(request) = wanted.pop() {
            for file in self.files(request).await? {
                let imports = file.dependency.iter().filter(|import| !files.contains_key(*import));
                wanted.extend(imports.map(|import| MessageRequest::FileByFilename(import.clone())));
                files.insert(file.name().to_owned(), file);
            }
        }
        let set = FileDescriptorSet { file: files.into_values().collect() };
        Ok(DescriptorPool::from_file_descriptor_set(set)?)
    }

    async fn files(&mut self, request: MessageRequest) -> Result<Vec<FileDescriptorProto>> {
        match self.ask(request).await? {
            MessageResponse::FileDescriptorResponse(files) => {
                let decode = |bytes: &Vec<u8>| FileDescriptorProto::decode(&bytes[..]);
                Ok(files.file_descriptor_proto.iter().map(decode).collect::<Result<_, _>>()?)
            }
            MessageResponse::ErrorResponse(error) => bail!("{}", error.error_message),
            other => bail!("the server answered with {other:?}"),
        }
    }

    async fn ask(&mut self, request: MessageRequest) -> Result<MessageResponse> {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
        let mut answers = self.0.server_reflection_info(tokio_stream::once(request)).await?.into_inner();
        match answers.next().await.transpose()?.and_then(|answer| answer.message_response) {
            Some(answer) => Ok(answer),
            None => bail!("the server did not answer"),
        }
    }
}
