//! The static table: 128 frequent names, frozen with the format (SPEC 8.2, docs/STATIC-TABLE.md).

use super::map::Key;

/// The names in the order of their numbers, as in `tests/vectors/table.json`.
#[rustfmt::skip]
const NAMES: [&str; 128] = [
    "auth_time", "cart", "csrf_token", "data", "display_name", "email", "flash", "id", "level",
    "locale", "mfa", "name", "return_to", "roles", "state", "text", "theme", "title", "token",
    "type", "url", "user", "user_id", "username",

    "access_token", "acr", "action", "address", "admin_id", "affiliate_id", "alert", "amr",
    "aud", "azp", "birthdate", "captcha", "client_id", "code", "code_verifier", "cost",
    "country", "created_at", "currency", "customer", "customer_email", "customer_id",
    "description", "email_verified", "error", "error_msg", "errors", "exp", "expires",
    "expires_at", "expires_in", "family_name", "fingerprint", "formatted", "gender",
    "given_name", "groups", "iat", "id_token", "id_token_expires", "info", "ip", "is_admin",
    "iss", "issuer", "jti", "language", "locality", "location", "login", "login_message",
    "login_time", "max_age", "message", "messages", "mfa_user_id", "middle_name", "msg", "nbf",
    "next", "nickname", "nonce", "notice", "oauth_state", "oauth_token", "order", "order_id",
    "password", "password_reset_token", "phone_number", "phone_number_verified", "picture",
    "postal_code", "preferred_username", "profile", "provider", "redirect_to", "redirect_uri",
    "refresh_token", "region", "reset_token", "role", "scope", "scopes", "search",
    "session_expires_at", "session_id", "session_token", "shipping_method", "sid", "status",
    "street_address", "sub", "subscription", "success", "task", "time", "token_type",
    "totp_secret", "uid", "updated_at", "warning", "website", "zoneinfo",
];

/// The key with this number.
pub(super) fn get(number: u64) -> Option<Key> {
    let number = u8::try_from(number).ok()?;
    (usize::from(number) < NAMES.len()).then_some(Key::Table(number))
}

/// The name with this number, which is below 128.
pub(super) fn name(number: u8) -> &'static str {
    NAMES.get(usize::from(number)).copied().unwrap_or_default()
}

/// The key with this name.
pub(super) fn find(name: &str) -> Option<Key> {
    let mut slot = hash(name.as_bytes())?;
    loop {
        let number = SLOTS.get(usize::from(slot)).copied().flatten()?;
        if *NAMES.get(usize::from(number))? == name {
            return Some(Key::Table(number));
        }
        slot = slot.wrapping_add(1);
    }
}

/// Open addressing: a name has the first free slot from its hash on.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const SLOTS: [Option<u8>; 256] = {
    let mut slots = [None; 256];
    let mut number = 0_u8;
    while (number as usize) < NAMES.len() {
        let Some(mut slot) = hash(NAMES[number as usize].as_bytes()) else {
            panic!("an empty name")
        };
        while slots[slot as usize].is_some() {
            slot = slot.wrapping_add(1);
        }
        slots[slot as usize] = Some(number);
        number = number.wrapping_add(1);
    }
    slots
};

/// A hash of the length, and of the first, a middle and the last byte: with this factor, most
/// names stand where it points.
const fn hash(name: &[u8]) -> Option<u8> {
    let (Some(first), Some(last)) = (name.first(), name.last()) else {
        return None;
    };
    let (_, rest) = name.split_at(name.len() / 2);
    let Some(middle) = rest.first() else {
        return None;
    };
    let mixed = u32::from_le_bytes([*first, *last, *middle, name.len().to_le_bytes()[0]]);
    Some(mixed.wrapping_mul(0xd278_9445).to_be_bytes()[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_number_and_no_other_name_has_one() {
        let json: Vec<String> =
            serde_json::from_str(include_str!("../../../tests/vectors/table.json")).unwrap();
        assert_eq!(json, NAMES);
        for (place, name) in (0..).zip(NAMES) {
            for key in [find(name), get(place.into())] {
                let key = key.unwrap();
                assert!(key == Key::Table(place) && *key == *name);
            }
        }
        assert!(get(128).is_none() && get(256).is_none());
        for other in ["", "e", "errot", "errorx", "user_ie", "User_id", "Ω"] {
            assert!(find(other).is_none(), "{other}");
        }
    }

    #[test]
    fn both_parts_of_the_table_are_sorted_and_of_lower_case() {
        let (short, long) = NAMES.split_at(24);
        assert!(short.is_sorted() && long.is_sorted());
        let lower = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        assert!(NAMES.iter().all(|name| name.bytes().all(lower)));
    }
}
