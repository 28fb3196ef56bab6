//! The corpus in `tests/corpus`, as applications would hold it: as typed structs, and as
//! [`Values`]. Shared by tests and benchmarks.
#![allow(dead_code, unreachable_pub, reason = "each user needs a part of it")]
#![allow(clippy::struct_field_names, reason = "the names of the JSON")]
#![allow(clippy::unwrap_used, reason = "the corpus is part of the repository")]

use core::time::Duration;

use sealed_session::{
    Policy, SessionData, Values,
    codec::{Codec, Suite},
    keys::{Key, KeyRing},
    payload::Plain,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

pub const LOGIN: &str = include_str!("../corpus/login.json");
pub const MINIMAL: &str = include_str!("../corpus/minimal.json");
pub const FLASH: &str = include_str!("../corpus/flash.json");
pub const OAUTH: &str = include_str!("../corpus/oauth.json");
pub const CART_10: &str = include_str!("../corpus/cart10.json");
pub const CART_40: &str = include_str!("../corpus/cart40.json");
pub const CART_400: &str = include_str!("../corpus/cart400.json");

pub fn read<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap()
}

/// A codec with a fresh key, a day of idle time and the default limit.
pub fn codec<S: Suite>() -> Codec<S> {
    let day = Duration::from_hours(24);
    let keys = KeyRing::single(Key::generate().unwrap()).unwrap();
    let policy = Policy::new(day, Duration::from_hours(7 * 24)).unwrap();
    Codec::builder("example.com", keys, policy).build().unwrap()
}

/// What an operation needs to know of a corpus file, whatever its type is.
pub trait Case {
    /// Called once for each corpus file and form.
    fn run<T: SessionData + Clone + 'static>(&mut self, file: &str, form: &str, data: &T);
}

/// Calls `case` for every corpus file, as a typed struct and as [`Values`].
pub fn for_each_file(case: &mut impl Case) {
    fn both<T: SessionData + Clone + 'static>(case: &mut impl Case, file: &str, json: &str) {
        case.run(file, "typed", &read::<T>(json));
        case.run(file, "values", &read::<Plain<Values>>(json));
    }
    both::<Minimal>(case, "minimal", MINIMAL);
    both::<Login>(case, "login", LOGIN);
    both::<Flash>(case, "flash", FLASH);
    both::<Cart>(case, "cart10", CART_10);
    both::<OAuth>(case, "oauth", OAUTH);
    both::<Cart>(case, "cart40", CART_40);
    both::<Cart>(case, "cart400", CART_400);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Minimal {
    pub user_id: Uuid,
}

impl SessionData for Minimal {}

/// A session of somebody who is logged in, and further fields. Postcard carries no
/// `serde(flatten)`, so the fields are repeated.
macro_rules! login {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $name {
            pub user_id: Uuid,
            pub email: String,
            pub display_name: String,
            pub roles: Vec<String>,
            pub csrf_token: String,
            pub auth_time: u64,
            pub mfa: bool,
            pub locale: String,
            $(pub $field: $type),*
        }

        impl SessionData for $name {}
    };
}

login!(Login {});
login!(Flash {
    theme: String,
    flash: Vec<Message>,
    return_to: String
});
login!(OAuth {
    access_token: String,
    refresh_token: String,
    id_token_expires: u64,
    scopes: Vec<String>
});
login!(Cart { cart: Vec<Item> });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub level: String,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub sku: String,
    pub name: String,
    pub qty: u32,
    pub unit_price_cents: u32,
    pub currency: String,
    pub in_stock: bool,
}
