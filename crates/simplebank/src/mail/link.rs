//! The links that stand in e-mails.

use std::fmt;
use url::Url;

/// The address under which people reach the bank, `PUBLIC_BASE_URL`: http or https, perhaps with a path.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Reads a base URL. An error says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || "an http:// or https:// URL without user, query and fragment".to_owned();
        let mut url = Url::parse(text).map_err(|_| expected())?;
        let web = matches!(url.scheme(), "http" | "https");
        let bare = url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        if !(web && bare && anonymous) {
            return Err(expected());
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The link that proves that its reader owns an e-mail address. It holds the code: do not log it.
    pub fn verify_email(&self, email_id: i64, secret_code: &str) -> String {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/v1/verify_email", self.0.path().trim_end_matches('/')));
        url.query_pairs_mut()
            .append_pair("email_id", &email_id.to_string())
            .append_pair("secret_code", secret_code);
        url.into()
    }

    /// True where nobody on the path can read what is sent to this address.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// True where the address means the reader's own machine.
    pub fn is_local(&self) -> bool {
        match self.0.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
            Some(url::Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
            None => false,
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_keeps_the_base_and_encodes_the_code() {
        let link = |base: &str| BaseUrl::parse(base).unwrap().verify_email(7, "a b&c=d+/é#");
        let tail = "/v1/verify_email?email_id=7&secret_code=a+b%26c%3Dd%2B%2F%C3%A9%23";
        for base in
            ["http://localhost:8080", "https://bank.example", "https://h.example/bank", "http://[::1]:1"]
        {
            assert_eq!(link(base), format!("{base}{tail}"));
            assert_eq!(link(&format!("{base}/")), format!("{base}{tail}"));
        }
        let code = "AZaz09-_".repeat(5);
        assert!(BaseUrl::parse("http://h").unwrap().verify_email(1, &code).ends_with(&code));
    }

    #[test]
    fn base_url_is_a_plain_web_address() {
        for bad in
            ["", "localhost:8080", "ftp://h", "http://", "http://u:p@h", "http://h?x", "http://h#x", "/v1"]
        {
            assert!(BaseUrl::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn local_and_unencrypted_addresses_are_recognised() {
        for local in ["http://localhost:8080", "http://127.0.0.1", "http://[::1]", "http://0.0.0.0:8080"] {
            assert!(BaseUrl::parse(local).unwrap().is_local(), "{local}");
        }
        let public = BaseUrl::parse("https://bank.example/").unwrap();
        assert!(!public.is_local() && public.is_encrypted());
        assert_eq!(public.to_string(), "https://bank.example");
    }
}
