//! How to reach the server, and under which names to write.

use core::{fmt, time::Duration};

use ::redis::{
    Client, ClientTlsConfig, ConnectionInfo, IntoConnectionInfo, RedisError, TlsCertificates,
    cluster::ClusterClient, io::tcp::TcpSettings,
};

use super::{link::Target, trouble::error};
use crate::store::{StoreError, StoreErrorKind};

const MAX_PREFIX_LEN: usize = 64;

/// How a [`RedisStore`](super::RedisStore) connects, and how it names its keys.
///
/// The default waits two seconds for a connection and two for a reply, and begins every
/// key with `sealed-session`.
#[derive(Clone)]
pub struct RedisOptions {
    pub(super) prefix: String,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    authority: Option<Vec<u8>>,
    client: Option<ClientTlsConfig>,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            prefix: String::from("sealed-session"),
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(2),
            authority: None,
            client: None,
        }
    }
}

impl RedisOptions {
    /// What every key begins with: 1 to 64 visible ASCII characters without braces, which
    /// would put all rows into one slot of a cluster.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long making a connection may take, with TLS and authentication.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the reply to one command may take. Rows of many megabytes over a slow
    /// network need more than the default.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// For TLS: the certificates, in PEM, of the authorities to trust instead of the
    /// operating system's.
    #[must_use]
    pub fn certificate_authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authority = Some(pem.into());
        self
    }

    /// For TLS: the certificate and key, in PEM, that this side shows. Redis asks for one
    /// unless it is configured with `tls-auth-clients no`.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.client = Some(ClientTlsConfig {
            client_cert: certificate.into(),
            client_key: key.into(),
        });
        self
    }

    /// The most that a call takes (rule 5 of [`SessionStore`](crate::store::SessionStore)).
    pub(super) fn limit(&self) -> Duration {
        self.connect_timeout.saturating_add(self.response_timeout)
    }

    /// What the URL and these options name; nothing is sent yet.
    pub(super) fn target(&self, url: &str) -> Result<Target, StoreError> {
        let prefix_is_fine = (1..=MAX_PREFIX_LEN).contains(&self.prefix.len())
            && self
                .prefix
                .bytes()
                .all(|b| b.is_ascii_graphic() && !matches!(b, b'{' | b'}'));
        if !prefix_is_fine {
            return Err(StoreError::new(
                StoreErrorKind::Failed,
                "the prefix must be 1 to 64 visible ASCII characters without braces",
            ));
        }
        if url.contains('#') {
            // The client's `#insecure`, which another crate may have made it understand.
            return Err(StoreError::new(
                StoreErrorKind::Failed,
                "the URL must not have a fragment: TLS always checks the server",
            ));
        }
        match cluster_nodes(url) {
            Some(nodes) => self
                .cluster(nodes)
                .map(|client| Target::Cluster(Box::new(client))),
            None => self
                .single(url)
                .map(|client| Target::Single(Box::new(client))),
        }
        .map_err(error)
    }

    fn single(&self, url: &str) -> Result<Client, RedisError> {
        let info = url.into_connection_info()?.set_tcp_settings(undelayed());
        if is_tls(&info) {
            provide_cryptography();
            if let Some(certificates) = self.certificates() {
                return Client::build_with_tls(info, certificates);
            }
        }
        Client::open(info)
    }

    fn cluster(&self, nodes: Vec<String>) -> Result<ClusterClient, RedisError> {
        let nodes = nodes
            .into_iter()
            .map(IntoConnectionInfo::into_connection_info)
            .collect::<Result<Vec<ConnectionInfo>, _>>()?;
        let tls = nodes.iter().any(is_tls);
        // Up to 6 repetitions, 20 to 400 ms apart: enough for a node that moved, not for
        // an election. All of them stay within one response timeout.
        let mut builder = ClusterClient::builder(nodes)
            .connection_timeout(self.connect_timeout)
            .response_timeout(self.response_timeout)
            .overall_response_timeout(Some(self.response_timeout))
            .retries(6)
            .retry_wait_formula(20, 2)
            .min_retry_wait(20)
            .max_retry_wait(400)
            .tcp_settings(undelayed());
        if tls {
            provide_cryptography();
            if let Some(certificates) = self.certificates() {
                builder = builder.certs(certificates);
            }
        }
        builder.build()
    }

    fn certificates(&self) -> Option<TlsCertificates> {
        (self.authority.is_some() || self.client.is_some()).then(|| TlsCertificates {
            client_tls: self.client.clone(),
            root_cert: self.authority.clone(),
        })
    }
}

/// Without certificates and keys.
impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("prefix", &self.prefix)
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .finish_non_exhaustive()
    }
}

/// `redis-cluster://user:password@a:1,b:2/?x` as `redis://user:password@a:1/?x` and
/// `redis://user:password@b:2/?x`; `None` if it is the URL of a single server.
fn cluster_nodes(url: &str) -> Option<Vec<String>> {
    let (scheme, rest) = if let Some(rest) = url.strip_prefix("redis-cluster://") {
        ("redis", rest)
    } else {
        ("rediss", url.strip_prefix("rediss-cluster://")?)
    };
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (login, hosts) = match authority.rsplit_once('@') {
        Some((login, hosts)) => (format!("{login}@"), hosts),
        None => (String::new(), authority),
    };
    Some(
        hosts
            .split(',')
            .map(|host| format!("{scheme}://{login}{host}{tail}"))
            .collect(),
    )
}

fn is_tls(info: &ConnectionInfo) -> bool {
    matches!(info.addr(), ::redis::ConnectionAddr::TcpTls { .. })
}

/// Small commands leave at once instead of waiting for the reply to the one before.
fn undelayed() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

/// rustls panics where a process has no provider of cryptography and several to choose
/// from. Whatever the application has chosen stays.
fn provide_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that somebody was faster, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_url_becomes_one_url_per_node() {
        assert_eq!(
            cluster_nodes("redis-cluster://me:pa@ss@a:1,[::1]:2/?protocol=resp3").unwrap(),
            [
                "redis://me:pa@ss@a:1/?protocol=resp3",
                "redis://me:pa@ss@[::1]:2/?protocol=resp3"
            ]
        );
        assert_eq!(cluster_nodes("rediss-cluster://a").unwrap(), ["rediss://a"]);
        assert_eq!(cluster_nodes("redis://a,b"), None);
    }

    #[test]
    fn what_cannot_be_used_is_refused_before_anything_is_sent() {
        let fine = RedisOptions::default();
        for url in [
            "",
            "http://a",
            "redis-cluster://",
            "redis://a:x",
            "rediss://a#insecure",
        ] {
            assert!(fine.target(url).is_err(), "{url}");
        }
        for prefix in ["", "a{b", "a b", &"a".repeat(65)] {
            let options = fine.clone().prefix(prefix);
            assert!(options.target("redis://localhost").is_err(), "{prefix}");
        }
        assert!(fine.target("rediss://localhost").is_ok());
        assert!(fine.target("redis-cluster://a:1,b:2").is_ok());
    }

    #[test]
    fn no_key_and_no_password_is_printed() {
        let options = RedisOptions::default().client_certificate("public", "secret");
        assert!(!format!("{options:?}").contains("secret"));
        let refused = options.target("redis://:secret@host:nonsense");
        let error = refused.err().unwrap();
        assert!(!format!("{error:?}").contains("secret"));
    }
}
