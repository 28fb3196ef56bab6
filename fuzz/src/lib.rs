//! What the fuzz targets share: tokens around any content, and a second reader to ask
//! whether the library's verdict is right.

pub mod cbor;
pub mod forge;
pub mod reader;
pub mod session;
pub mod stored;
pub mod world;

#[path = "../../tests/support/client.rs"]
#[allow(dead_code)]
mod client;
#[path = "../../tests/support/model_store.rs"]
#[allow(dead_code)]
mod model_store;
