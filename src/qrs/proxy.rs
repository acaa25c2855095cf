//! What keeps Bursar out at a virtual proxy.

/// Why a virtual proxy doesn't let Bursar in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
pub enum ProxyProblem {
    /// 401, or a page to log in on.
    #[strum(serialize = "proxy-login")]
    Login,
    /// 403 before there is a session.
    #[strum(serialize = "proxy-host")]
    Host,
    /// 400 with a page for people.
    #[strum(serialize = "proxy-prefix")]
    Prefix,
    /// It answers, and begins no session.
    #[strum(serialize = "proxy-no-session")]
    NoSession,
}

impl ProxyProblem {
    /// The status of HTTP that tells it.
    pub(super) fn status(self) -> Option<u16> {
        match self {
            Self::Login => Some(401),
            Self::Host => Some(403),
            Self::Prefix => Some(400),
            Self::NoSession => None,
        }
    }

    /// In a sentence.
    pub(super) fn text(self, url: &str) -> String {
        match self {
            Self::Login => format!("{url}: the virtual proxy does not let Bursar in (401)"),
            Self::Host => format!(
                "{url}: the virtual proxy is not to be asked under this name of a host (403)"
            ),
            Self::Prefix => {
                format!("{url}: the proxy knows no virtual proxy of this prefix (400 with a page)")
            }
            Self::NoSession => format!(
                "{url} answered without a session, which every virtual proxy of Qlik's begins"
            ),
        }
    }

    /// What to do about it.
    pub(super) fn fix(self) -> &'static str {
        match self {
            Self::Login => {
                "look whether the token is in date and signed with the key of the virtual proxy (authentication: header: whether the header is the one it looks at), whether the clocks agree, and whether this user has five sessions already, which end when they are idle"
            }
            Self::Host => {
                "add configQRS.host to the host allow list of the virtual proxy, and wait for the proxy to start again"
            }
            Self::Prefix => {
                "set virtualProxy.prefix to the one in the Qlik Management Console, and link the virtual proxy to the proxy of this node"
            }
            Self::NoSession => {
                "check that host and port lead to the proxy of Qlik Sense (port 443)"
            }
        }
    }
}
