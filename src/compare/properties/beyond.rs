//! The experiments for what the two comparisons leave out.

use core::time::Duration;

use super::{
    lab::{
        Found, Outcome, Stage, Visit, WAYS, encoded, is_accepted, presented, shared, shows_secret,
        span,
    },
    seeds::{accepted, columns, log_out},
};
use crate::{
    compare::{
        kit::{Client, Kit},
        report::Way,
    },
    cookie::MAX_NAME_VALUE_LEN,
    keys::{Key, KeyRing},
    manager::{Presented, Revocation, SessionError},
    time::Clock as _,
};

const SECOND: Duration = Duration::from_secs(1);
/// A minute of seconds.
const MINUTE: u32 = 60;
/// A thief is not followed for longer than so many visits.
const VISITS: u32 = 10_000;

pub(super) async fn revocation_delay(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    for way in WAYS {
        shown.push(delay(kit, way, Revocation::default()).await?);
    }
    let strict = delay(kit, Way::Automatic, Revocation::Strict).await?;
    let [cookie, store, automatic] = columns(shown);
    Ok(Found::unclaimed(
        [
            cookie,
            store,
            format!("{automatic}; if the store is asked every time: {strict}"),
        ],
        "servers renew their copy of the list every 5 s by default; a row that was deleted is \
         gone at once, and without a list nobody hears of a logout",
    ))
}

/// How long another server accepts a copy after the logout.
async fn delay(
    kit: &Kit,
    way: Way,
    revocation: Revocation,
) -> Result<String, Box<dyn core::error::Error>> {
    let mut stage = Stage::new(kit, way, Visit::small()).await?;
    let store = Some(shared(&stage.store));
    let other = stage.kit.manager_with(way, store, revocation)?;
    let copy = stage.client.at(&other);
    // Which makes the other server's copy of the list as fresh as it can be.
    is_accepted(&copy).await?;
    log_out(&mut stage.client).await?;
    for second in 0..=MINUTE {
        if !is_accepted(&copy).await? {
            return Ok(format!("{second} s"));
        }
        stage.kit.clock.advance(SECOND);
    }
    Ok("for longer than a minute".to_owned())
}

pub(super) async fn replay_window(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    for way in WAYS {
        let mut stage = Stage::new(kit, way, Visit::small()).await?;
        let mut thief = stage.client.at(&stage.client.manager);
        log_out(&mut stage.client).await?;
        let began = stage.kit.clock.now();
        let pause = stage
            .kit
            .idle()
            .checked_div(2)
            .unwrap_or_default()
            .max(SECOND);
        let mut visits = 0;
        let mut last = began;
        while visits < VISITS {
            let session = thief.session();
            if session.presented().await? != Presented::Valid {
                break;
            }
            last = stage.kit.clock.now();
            thief.finish(session).await?;
            visits = visits.saturating_add(1);
            stage.kit.clock.advance(pause);
        }
        shown.push(if visits == 0 {
            "not once".to_owned()
        } else {
            format!(
                "{visits} visits, the last {} after the logout",
                span(last.since(began))
            )
        });
    }
    Ok(Found::unclaimed(
        columns(shown),
        "a cookie alone ends at its absolute timeout and no sooner, however often it is used; \
         a list of revocations ends it at the logout",
    ))
}

pub(super) async fn old_state(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    for way in WAYS {
        let mut found = Vec::new();
        for visit in [Visit::small(), Visit::large()] {
            let large = !visit.bulk.0.is_empty();
            if way == Way::Cookie && large {
                continue;
            }
            let mut stage = Stage::new(kit, way, visit).await?;
            let old = stage.client.at(&stage.client.manager);
            stage.client.change(|visit| visit.vouchers = 0).await?;
            let vouchers = old.session().read(|visit| visit.vouchers).await?;
            let size = if large {
                "a large session: "
            } else {
                "a small session: "
            };
            let again = if vouchers == 0 {
                "spent"
            } else {
                "to be spent again"
            };
            found.push(format!("{size}{again}"));
        }
        shown.push(found.join("; "));
    }
    Ok(Found::unclaimed(
        columns(shown),
        "a cookie is as true as on the day it was sealed; what must happen once belongs in a \
         database, or in a session that is kept in a store",
    ))
}

pub(super) async fn lost_updates(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    for way in WAYS {
        let mut found = Vec::new();
        for visit in [Visit::small(), Visit::large()] {
            let large = !visit.bulk.0.is_empty();
            if way == Way::Cookie && large {
                continue;
            }
            let mut stage = Stage::new(kit, way, visit).await?;
            let (first, second) = (stage.client.session(), stage.client.session());
            first
                .change(|visit| visit.cart.push("cup".to_owned()))
                .await?;
            second
                .change(|visit| visit.cart.push("pot".to_owned()))
                .await?;
            stage.client.finish(first).await?;
            let told = match stage.client.finish(second).await {
                Ok(_) => "nobody told",
                Err(SessionError::Conflict) => "the second told of a conflict",
                Err(error) => return Err(error.into()),
            };
            let kept = stage
                .client
                .session()
                .read(|visit| visit.cart.len())
                .await?;
            let size = if large { "large" } else { "small" };
            found.push(format!("a {size} session: {kept} of 2 kept, {told}"));
        }
        shown.push(found.join("; "));
    }
    Ok(Found::unclaimed(
        columns(shown),
        "the browser keeps the last cookie that it is given; a store compares and swaps, so \
         that the second request is merged or told",
    ))
}

pub(super) async fn store_down(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    for way in WAYS {
        let stage = Stage::new(kit, way, Visit::small()).await?;
        stage.store.set_down(true);
        let mut last = None;
        let mut ended = None;
        for second in 0..=MINUTE {
            match presented(&stage.client).await {
                Ok(Presented::Valid) => last = Some(second),
                Ok(_) => ended = Some("logged out".to_owned()),
                Err(error) => ended = Some(format!("answered with {}", error.status())),
            }
            if ended.is_some() {
                break;
            }
            stage.kit.clock.advance(SECOND);
        }
        let outcome = match (last, ended) {
            (_, None) => "goes on for a minute and longer".to_owned(),
            (None, Some(how)) => format!("at once {how}"),
            (Some(last), Some(how)) => format!("goes on for {last} s, then {how}"),
        };
        stage.store.set_down(false);
        let back = is_accepted(&stage.client).await?;
        shown.push(format!(
            "{outcome}; the session is {} afterwards",
            if back { "there" } else { "gone" }
        ));
    }
    Ok(Found::unclaimed(
        columns(shown),
        "an outage is an error and never a logout; what lives in the cookie goes on for as long \
         as the server's copy of the list of revocations may be believed",
    ))
}

pub(super) async fn at_rest(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    for way in WAYS {
        let stage = Stage::new(kit, way, Visit::small()).await?;
        let large = match way {
            Way::Cookie => None,
            Way::Store | Way::Automatic => Some(Stage::new(kit, way, Visit::large()).await?),
        };
        let rows = [Some(&stage), large.as_ref()];
        let rows = rows
            .into_iter()
            .flatten()
            .flat_map(|stage| stage.store.rows());
        let rows: Vec<_> = rows.collect();
        let readable = rows.iter().filter(|(_, row)| shows_secret(row)).count();
        shown.push(match rows.len() {
            0 => "nothing at rest at the server".to_owned(),
            all => format!("the secret found in {readable} of {all} rows"),
        });
    }
    Ok(Found::unclaimed(
        columns(shown),
        "records are sealed before the store sees them",
    ))
}

pub(super) async fn stolen_database(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    for way in WAYS {
        let visit = match way {
            Way::Cookie => Visit::small(),
            Way::Store | Way::Automatic => Visit::large(),
        };
        let stage = Stage::new(kit, way, visit).await?;
        // The thief has the server's keys, and no cookie.
        let codec = stage.kit.codec(MAX_NAME_VALUE_LEN)?;
        let rows = stage.store.rows();
        let opened = rows
            .iter()
            .filter(|(_, row)| codec.open_token(&encoded(row)).is_ok());
        let opened = opened.count();
        shown.push(match rows.len() {
            0 => "no session in it".to_owned(),
            all => format!("{opened} of {all} rows opened, with the server's keys in hand"),
        });
    }
    Ok(Found::unclaimed(
        columns(shown),
        "a record opens only with a secret that the browser's cookie carries beside the \
         server's key",
    ))
}

pub(super) async fn stolen_key(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    for way in WAYS {
        let stage = Stage::new(kit, way, Visit::small()).await?;
        let codec = stage.kit.codec(MAX_NAME_VALUE_LEN)?;
        let captured = codec.open::<Visit>(stage.client.value()).is_ok();
        let identity = codec.new_identity()?.with_subject(codec.subject("admin"));
        let forged = codec.seal(&identity, &Visit::small())?;
        let thief = |manager| Client::<Visit> {
            manager,
            cookie: format!("{}={}", stage.kit.cookie.name(), forged.value()),
        };
        let minted = is_accepted(&thief(stage.client.manager.clone())).await?;
        // Every old key is closed at once.
        let rotated = Kit {
            keys: KeyRing::single(Key::generate()?)?,
            ..stage.kit.clone()
        };
        let after = rotated.manager(way, Some(shared(&stage.store)))?;
        let still = is_accepted(&thief(after)).await?;
        shown.push(format!(
            "a captured cookie {}; a forged login {}, {} after an emergency rotation",
            if captured { "read" } else { "not read" },
            accepted(minted),
            accepted(still)
        ));
    }
    Ok(Found::unclaimed(
        columns(shown),
        "whoever holds a key can make sessions in cookies; a server that takes none of these \
         still needs the rotation, since the keys also seal its references",
    ))
}
