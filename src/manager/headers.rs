//! What a response has to say about its session.

/// The header values that a response needs.
///
/// Adapters put them into the response; without one, do as [`apply`](Self::apply) says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "the session is lost unless these headers are sent"]
pub struct ResponseHeaders {
    /// Values for `Set-Cookie` headers, to be appended.
    pub set_cookie: Vec<String>,
    /// Whether the session was looked at, so that the response depends on the cookie.
    pub touched: bool,
}

impl ResponseHeaders {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.touched && self.set_cookie.is_empty()
    }

    /// Tells what to do to the response's headers, in calls of `append` (add another line
    /// of that name) and `replace` (be the only line of that name); `cache_control` is
    /// whether the application has set `Cache-Control` itself.
    ///
    /// A response that depends on the session says `Vary: Cookie` and must not be shared;
    /// one that sets the cookie must not be stored, whatever the application says
    /// (CVE-2023-30861, CVE-2025-48947).
    pub fn apply(
        &self,
        cache_control: bool,
        mut append: impl FnMut(&'static str, &str),
        replace: impl FnOnce(&'static str, &str),
    ) {
        if self.is_empty() {
            return;
        }
        append("vary", "Cookie");
        for value in &self.set_cookie {
            append("set-cookie", value);
        }
        if !self.set_cookie.is_empty() {
            replace("cache-control", "no-store");
        } else if !cache_control {
            replace("cache-control", "private, no-cache");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(headers: &ResponseHeaders, own: bool) -> Vec<String> {
        let lines = std::cell::RefCell::new(Vec::new());
        headers.apply(
            own,
            |name, value| lines.borrow_mut().push(format!("+{name}: {value}")),
            |name, value| lines.borrow_mut().push(format!("={name}: {value}")),
        );
        lines.into_inner()
    }

    #[test]
    fn caches_are_told_what_they_may_keep() {
        let mut headers = ResponseHeaders::default();
        assert_eq!(lines(&headers, false), [""; 0]);
        headers.touched = true;
        assert_eq!(lines(&headers, true), ["+vary: Cookie"]);
        assert_eq!(
            lines(&headers, false),
            ["+vary: Cookie", "=cache-control: private, no-cache"]
        );
        headers.set_cookie.push("a=b".to_owned());
        assert_eq!(
            lines(&headers, true),
            [
                "+vary: Cookie",
                "+set-cookie: a=b",
                "=cache-control: no-store"
            ]
        );
    }
}
