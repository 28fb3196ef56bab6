//! HTTP stories: how sessions behave as a browser sees them, written once and told by every
//! framework over real HTTP on loopback.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each framework needs a part of it"
)]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

#[path = "../support/model_store.rs"]
mod model_store;
mod server;
mod shop;
mod tell;
mod visitor;

pub use server::Server;
#[allow(unused_imports, reason = "for those without tokio's listener")]
pub use server::Stop;
#[allow(
    unused_imports,
    reason = "some frameworks take queries apart themselves"
)]
pub use shop::param;
pub use shop::{App, FOR_CACHES, Prefs, SORRY, Shop};
pub use tell::*;
pub use visitor::Visitor;

/// Tells every story with the framework that `$serve` starts: `fn(App) -> Server`.
#[macro_export]
macro_rules! tell_all {
    ($serve:expr) => {
        $crate::tell_all!($serve =>
            an_anonymous_visit_sets_nothing,
            routes_without_a_session_touch_nothing,
            the_first_write_sets_one_cookie_with_the_right_attributes,
            requests_that_only_read_set_nothing,
            login_changes_the_session_id_and_keeps_the_cart,
            growth_crosses_to_the_store_and_back_without_losing_an_item,
            two_tabs_see_each_others_changes,
            parallel_writes_to_a_stored_session_lose_nothing,
            parallel_writes_to_a_cookie_leave_one_whole_session,
            logout_clears_the_cookie_and_a_replayed_one_is_refused,
            logging_out_everywhere_ends_the_other_browser_too,
            a_logout_during_a_slow_request_stays_a_logout,
            a_handler_that_panics_saves_nothing,
            a_client_error_saves_and_a_server_error_does_not,
            f1_login_of_a_failed_response_does_not_hold,
            a_streaming_response_carries_its_session,
            an_upgrade_carries_its_session,
            head_and_options_behave_like_their_get,
            two_sessions_of_different_names_do_not_meet,
            of_two_sessions_one_that_is_saved_reaches_the_client_though_the_other_is_not,
            a_store_that_is_down_gives_the_applications_own_page,
            a_store_that_is_down_while_saving_replaces_the_response,
            a_client_of_the_header_gets_no_cookie,
            the_target_of_a_redirect_sees_the_write,
            a_session_that_outgrows_its_cookie_without_a_store_is_an_error,
            a_session_that_is_optional_is_there_only_if_valid,
            sessions_expire_at_their_idle_timeout,
            tampered_cookies_are_as_good_as_none,
            caches_are_told_what_they_may_keep,
            f8_no_shared_cache_stores_a_set_cookie,
        );
    };
    ($serve:expr => $($story:ident),* $(,)?) => {
        $(
            #[test]
            fn $story() {
                stories::$story($serve);
            }
        )*
    };
}
