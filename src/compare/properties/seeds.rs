//! The experiments for what the two comparisons claim.

use core::time::Duration;
use std::sync::Arc;

use super::{
    Verdict,
    lab::{
        Found, LARGE, Outcome, SECRET, Stage, Visit, WAYS, decoded, fresh_store, is_accepted,
        shared, shows_secret, span,
    },
};
use crate::{
    Policy, SealError, SignedCodec,
    compare::{
        kit::{CONTEXT, Client, Kit},
        report::{SampleReport, Way},
        sweep::Filler,
    },
    cookie::MAX_NAME_VALUE_LEN,
    expiry::Lifetimes,
    manager::SessionError,
};

const MIB: usize = 1 << 20;

pub(super) async fn storage_location(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    let mut rows = Vec::new();
    for way in WAYS {
        let stage = Stage::new(kit, way, Visit::small()).await?;
        let there = stage.store.rows();
        let bytes = there
            .iter()
            .fold(0_usize, |sum, (_, row)| sum.saturating_add(row.len()));
        rows.push(there.len());
        shown.push(format!(
            "{} characters in the browser, {bytes} bytes at the server",
            stage.client.value().len()
        ));
    }
    let large = Stage::new(kit, Way::Automatic, Visit::large()).await?;
    let moved = large.store.rows().len();
    let holds = rows == [0, 1, 0] && moved == 1;
    let [cookie, store, automatic] = columns(shown);
    Ok(Found {
        cookie,
        store,
        automatic: format!(
            "{automatic}; the same session with {LARGE} bytes more: {} characters in the \
             browser, {moved} row at the server",
            large.client.value().len()
        ),
        verdict: Some(verdict(holds)),
        because: "where the bytes lie is as claimed; the automatic strategy does either, by size"
            .to_owned(),
    })
}

pub(super) async fn readable(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    let mut sealed = true;
    for way in WAYS {
        let mut stage = Stage::new(kit, way, Visit::small()).await?;
        let found = shows_secret(&stage.token());
        let genuine = stage.client.cookie.clone();
        let name = genuine.split('=').next().unwrap_or_default().len();
        let (mut altered, mut refused) = (0_usize, 0_usize);
        for place in name.saturating_add(1)..genuine.len() {
            stage.client.cookie = alter(&genuine, place);
            altered = altered.saturating_add(1);
            if !is_accepted(&stage.client).await? {
                refused = refused.saturating_add(1);
            }
        }
        stage.client.cookie = genuine;
        sealed &= !found && refused == altered && is_accepted(&stage.client).await?;
        let secret = if found { "found" } else { "not found" };
        shown.push(format!(
            "secret {secret} in the cookie; {refused} of {altered} alterations refused"
        ));
    }
    // What the claim has in mind: a cookie that is signed at most.
    let signed = SignedCodec::builder(CONTEXT, kit.keys.clone(), kit.policy.clone())
        .clock(kit.clock.clone())
        .build()?;
    let signed = signed.seal(&signed.new_identity()?, &Visit::small())?;
    let exposed = shows_secret(&decoded(signed.value()));
    let [cookie, store, automatic] = columns(shown);
    Ok(Found {
        cookie,
        store,
        automatic,
        verdict: Some(if sealed {
            Verdict::DoesNotHold
        } else {
            Verdict::Holds
        }),
        because: format!(
            "who can read it is a matter of sealing, not of place: in the same session signed \
             without encryption the secret was {}",
            if exposed { "found" } else { "not found" }
        ),
    })
}

/// The cookie with another character at that place.
fn alter(cookie: &str, place: usize) -> String {
    let other = |byte: u8| if byte == b'A' { 'B' } else { 'A' };
    let characters = cookie.bytes().enumerate();
    characters
        .map(|(at, byte)| {
            if at == place {
                other(byte)
            } else {
                char::from(byte)
            }
        })
        .collect()
}

pub(super) fn performance(samples: &[SampleReport]) -> Outcome {
    let mut stores: Vec<(String, Vec<f64>)> = Vec::new();
    let mut cookies = Vec::new();
    for sample in samples {
        let read = |way: Way| {
            let ways = sample.ways.iter().filter(move |it| it.way == way);
            ways.filter_map(|it| Some((it.store.clone(), it.read?.p50)))
        };
        let Some((_, cookie)) = read(Way::Cookie).next() else {
            continue;
        };
        cookies.push(cookie);
        for (store, stored) in read(Way::Store) {
            let store = store.unwrap_or_default();
            match stores.iter_mut().find(|(name, _)| *name == store) {
                Some((_, ratios)) => ratios.push(stored / cookie),
                None => stores.push((store, vec![stored / cookie])),
            }
        }
    }
    if stores.is_empty() {
        return Err("no sample was measured in a cookie and in a store".into());
    }
    let means: Vec<(String, f64, usize)> = stores
        .into_iter()
        .map(|(name, ratios)| (name, geometric(&ratios), ratios.len()))
        .collect();
    let cookie = geometric(&cookies) / 1e3;
    let all_faster = means.iter().all(|(_, ratio, _)| *ratio > 1.0);
    let list = means.iter().map(|(name, ratio, count)| {
        format!("{name}: {ratio:.1} times as long ({count} samples, geometric mean)")
    });
    let (verdict, because) = if all_faster {
        (
            Verdict::HoldsInPart,
            "faster it is; but not for want of server processing, since every request opens the \
             cookie at the server, and a session in the cookie travels each time",
        )
    } else {
        (
            Verdict::DoesNotHold,
            "at least one store was as fast as the cookie with these samples",
        )
    };
    Ok(Found {
        cookie: format!("{cookie:.1} µs per request that reads (geometric mean)"),
        store: list.collect::<Vec<_>>().join("; "),
        automatic: "as the cookie while a session fits, as the store when it does not".to_owned(),
        verdict: Some(verdict),
        because: because.to_owned(),
    })
}

fn geometric(values: &[f64]) -> f64 {
    let logs = values.iter().map(|value| value.ln()).sum::<f64>();
    (logs / (values.len() as f64).max(1.0)).exp()
}

pub(super) async fn size_limit(kit: &Kit, holds: Option<usize>) -> Outcome {
    let room = MAX_NAME_VALUE_LEN.saturating_sub(kit.cookie.name().len());
    let accepted = kit.cookie.set_cookie(&"v".repeat(room), None).is_ok();
    let over = kit
        .cookie
        .set_cookie(&"v".repeat(room.saturating_add(1)), None)
        .is_err();
    let codec = kit.codec(MAX_NAME_VALUE_LEN)?;
    let body = holds.unwrap_or_default();
    let plan = |len| codec.plan(&codec.new_identity()?, &Filler::random(len));
    let exact = plan(body)?.fits() && !plan(body.saturating_add(1))?.fits();

    let default = Stage::new(kit, Way::Store, Visit::small()).await?;
    let most = kit.max_record_bytes;
    let refused = matches!(
        grow(&default, most).await,
        Err(SessionError::Seal(SealError::RecordTooLarge { .. }))
    );
    let raised = Kit {
        max_record_bytes: 11 * MIB,
        ..kit.clone()
    };
    let mut kept = Vec::new();
    for len in [5 * MIB, 10 * MIB] {
        let stage = Stage::new(&raised, Way::Store, Visit::small()).await?;
        if grow(&stage, len).await? {
            kept.push(len / MIB);
        }
    }
    let automatic = Stage::new(kit, Way::Automatic, Visit::small()).await?;
    let crossed = grow(&automatic, LARGE).await?;
    let good = accepted && over && exact && refused && kept == [5, 10] && crossed;
    let kept: Vec<String> = kept.iter().map(|mib| format!("{mib} MiB")).collect();
    Ok(Found {
        cookie: format!(
            "{MAX_NAME_VALUE_LEN} bytes of name and value, of which {body} are data that does \
             not compress; one more is an error here"
        ),
        store: format!(
            "what is configured: over {most} bytes an error by default; with a higher limit {} \
             came back byte by byte",
            kept.join(" and ")
        ),
        automatic: format!(
            "the store's; a session of {LARGE} bytes more {}",
            if crossed { "moved there" } else { "was lost" }
        ),
        verdict: Some(if good {
            Verdict::HoldsInPart
        } else {
            Verdict::DoesNotHold
        }),
        because: "the cookie's limit is as claimed, counted with its name; a store has no limit \
                  of 5 or 10 MB of its own"
            .to_owned(),
    })
}

/// Grows the session by so many bytes, and looks whether all of them come back.
async fn grow(stage: &Stage, bytes: usize) -> Result<bool, SessionError> {
    let mut client = stage.client.at(&stage.client.manager);
    let bulk = Filler::random(bytes);
    client.change(|visit| visit.bulk = bulk.clone()).await?;
    let session = client.session();
    session.read(|visit| visit.bulk == bulk).await
}

pub(super) async fn expiration(kit: &Kit) -> Outcome {
    let idle = kit.idle();
    let mut shown = Vec::new();
    let mut by_itself = Vec::new();
    for way in WAYS {
        let stage = Stage::new(kit, way, Visit::small()).await?;
        let max_age = stage.set_cookie.contains("Max-Age");
        stage
            .kit
            .clock
            .advance(idle.saturating_sub(Duration::from_secs(1)));
        let before = is_accepted(&stage.client).await?;
        stage.kit.clock.advance(Duration::from_secs(1));
        let after = is_accepted(&stage.client).await?;
        by_itself.push(before && !after && !max_age);
        shown.push(format!(
            "without Max-Age; {} 1 s before {} of inactivity, {} after",
            accepted(before),
            span(idle),
            accepted(after)
        ));
    }
    let [cookie, store, automatic] = columns(shown);
    Ok(Found {
        cookie,
        store,
        automatic,
        verdict: Some(if by_itself == [true; 3] {
            Verdict::DoesNotHold
        } else {
            Verdict::HoldsInPart
        }),
        because: "a sealed cookie carries its deadlines and the server checks them, so it \
                  expires by itself after inactivity as a stored session does; Max-Age only asks \
                  the browser to forget"
            .to_owned(),
    })
}

pub(super) async fn restart(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    let mut survived = Vec::new();
    for way in WAYS {
        let mut stage = Stage::new(kit, way, Visit::small()).await?;
        // The store's process goes on, the server's begins anew.
        let same = stage.client.at(&stage.another_server()?);
        let with_database = is_accepted(&same).await?;
        let empty = Arc::new(fresh_store(&stage.kit));
        let anew = stage.kit.manager(way, Some(shared(&empty)))?;
        let in_memory = is_accepted(&stage.client.at(&anew)).await?;
        let copy = stage.client.at(&anew);
        log_out(&mut stage.client).await?;
        let revived = is_accepted(&copy).await?;
        survived.push((with_database, in_memory));
        shown.push(format!(
            "{} with a store that outlives the server, {} with one in its memory; logged out \
             before, a copy is {} by the latter",
            accepted(with_database),
            accepted(in_memory),
            accepted(revived)
        ));
    }
    let as_claimed = survived == [(true, true), (true, false), (true, true)];
    let [cookie, store, automatic] = columns(shown);
    Ok(Found {
        cookie,
        store,
        automatic,
        verdict: Some(verdict(as_claimed)),
        because: "sessions in the cookie need only the keys; sessions in memory end with the \
                  process, and so does the list of what was revoked"
            .to_owned(),
    })
}

pub(super) async fn browser_close(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    for way in WAYS {
        let ordinary = Stage::new(kit, way, Visit::small()).await?.set_cookie;
        let remembered = remembered(kit, way).await?;
        let attribute = |header: &str| {
            let found = header.split("; ").find(|part| part.starts_with("Max-Age"));
            found.map_or_else(|| "no Max-Age".to_owned(), str::to_owned)
        };
        shown.push(format!(
            "{} by default, {} if it is to be remembered",
            attribute(&ordinary),
            attribute(&remembered)
        ));
    }
    let [cookie, store, automatic] = columns(shown);
    Ok(Found {
        cookie,
        store,
        automatic,
        verdict: None,
        because: "the same attribute decides for both: it is the browser that forgets or keeps, \
                  and what it keeps is a cookie in either case"
            .to_owned(),
    })
}

pub(super) async fn logout(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    let mut ended = Vec::new();
    for way in WAYS {
        let mut stage = Stage::new(kit, way, Visit::small()).await?;
        let copy = stage.client.at(&stage.client.manager);
        let removal = log_out(&mut stage.client).await?;
        let alive = is_accepted(&copy).await?;
        let rows = stage.store.rows().len();
        ended.push(!alive && rows == 0);
        shown.push(format!(
            "the browser is told to remove its cookie ({}); a copy is {}; {rows} rows left",
            if removal { "it is" } else { "it is not" },
            accepted(alive)
        ));
    }
    let [cookie, store, automatic] = columns(shown);
    let as_claimed = ended == [false, true, true];
    Ok(Found {
        cookie,
        store,
        automatic,
        verdict: Some(verdict(as_claimed)),
        because: "a session that a server keeps can be destroyed; a cookie alone can only be \
                  asked for, and a copy of it lives on, unless a list of revocations is kept \
                  beside it, as the automatic strategy does"
            .to_owned(),
    })
}

pub(super) async fn authentication(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    let mut same = Vec::new();
    for way in WAYS {
        let store = Arc::new(fresh_store(kit));
        let mut client = Client::new(kit.manager::<Visit>(way, Some(shared(&store)))?);
        client.change(|visit| visit.theme.push_str("dark")).await?;
        let before = client.at(&client.manager);
        let anonymous = client.session().id().await?;
        let session = client.session();
        session.log_in("42").await?;
        client.finish(session).await?;
        let session = client.session();
        let (user, id) = (session.subject().await?, session.id().await?);
        let known = user == Some(client.manager.codec().subject("42"));
        let planted = before.session().subject().await?.is_some();
        same.push(known && id != anonymous && !planted);
        shown.push(format!(
            "the server knows the user: {}; the id {} at login; the cookie from before is {}",
            if known { "yes" } else { "no" },
            if id == anonymous { "stayed" } else { "changed" },
            if planted { "logged in too" } else { "nobody's" }
        ));
    }
    let [cookie, store, automatic] = columns(shown);
    Ok(Found {
        cookie,
        store,
        automatic,
        verdict: Some(if same == [true; 3] {
            Verdict::DoesNotHold
        } else {
            Verdict::HoldsInPart
        }),
        because: "as a difference: both authenticate, with the same call and the same guard \
                  against a planted id"
            .to_owned(),
    })
}

pub(super) async fn identifier(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    let mut grows = Vec::new();
    for way in WAYS {
        let small = Stage::new(kit, way, Visit::small()).await?;
        let longer = Visit {
            bulk: Filler::random(500),
            ..Visit::small()
        };
        let longer = Stage::new(kit, way, longer).await?;
        let lengths = [small.client.value().len(), longer.client.value().len()];
        let [short, long] = lengths;
        let id = small.client.session().id().await?.is_some();
        let token = small.token();
        let named = small.store.rows().iter().any(|(key, _)| {
            let key = key.0.as_slice();
            token.windows(key.len()).any(|window| window == key)
        });
        grows.push(short != long);
        shown.push(format!(
            "{}=… of {short} characters, {long} with 500 bytes more; a session id inside: {}; \
             the row's name readable in it: {}",
            small.kit.cookie.name(),
            if id { "yes" } else { "no" },
            if named { "yes" } else { "no" },
        ));
    }
    let [cookie, store, automatic] = columns(shown);
    Ok(Found {
        cookie,
        store,
        automatic,
        verdict: Some(if grows == [true, false, true] {
            Verdict::HoldsInPart
        } else {
            Verdict::DoesNotHold
        }),
        because: "a stored session is known by what its cookie refers to; but that cookie is a \
                  key and a value too, and a session in the cookie has an id as well, by which \
                  it is revoked"
            .to_owned(),
    })
}

pub(super) async fn every_request(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    let mut lengths = Vec::new();
    for way in WAYS {
        let stage = Stage::new(kit, way, Visit::small()).await?;
        let len = "Cookie: \r\n"
            .len()
            .saturating_add(stage.client.cookie.len());
        lengths.push(len);
        shown.push(format!("{len} bytes with every request"));
    }
    let [cookie, store, automatic] = columns(shown);
    Ok(Found {
        cookie,
        store,
        automatic,
        verdict: Some(verdict(lengths.iter().all(|len| *len > 0))),
        because: "for both: the session itself, or the reference to it (HTTP/2 and HTTP/3 send \
                  a header that stays the same once per connection)"
            .to_owned(),
    })
}

pub(super) async fn purpose(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    let mut same = Vec::new();
    for way in WAYS {
        let stage = Stage::new(kit, way, Visit::small()).await?;
        let session = stage.client.session();
        let kept = session
            .read(|it| it.secret == SECRET && it.theme == "dark")
            .await?;
        let remembered = remembered(kit, way).await?.contains("Max-Age=");
        same.push(kept && remembered);
        shown.push(format!(
            "a login and a preference {}; remembered for 30 days: {}",
            if kept { "kept" } else { "lost" },
            if remembered { "yes" } else { "no" }
        ));
    }
    let [cookie, store, automatic] = columns(shown);
    Ok(Found {
        cookie,
        store,
        automatic,
        verdict: Some(if same == [true; 3] {
            Verdict::DoesNotHold
        } else {
            Verdict::HoldsInPart
        }),
        because: "as a difference: each keeps both kinds of data, for one login or for weeks"
            .to_owned(),
    })
}

pub(super) async fn examples(kit: &Kit) -> Outcome {
    let mut shown = Vec::new();
    for way in WAYS {
        let stage = Stage::new(kit, way, Visit::small()).await?;
        let (pair, attributes) = stage.set_cookie.split_once(';').unwrap_or_default();
        let name = pair.split('=').next().unwrap_or_default();
        shown.push(format!("one Set-Cookie: {name}=…;{attributes}"));
    }
    let [cookie, store, automatic] = columns(shown);
    let told_apart = cookie != store || store != automatic;
    Ok(Found {
        cookie,
        store,
        automatic,
        verdict: Some(verdict(told_apart)),
        because: "which sites use which cannot be seen from outside: each strategy sets one \
                  cookie with the same attributes, and a server session needs one too"
            .to_owned(),
    })
}

/// The `Set-Cookie` of a session that is to be remembered for 30 days.
async fn remembered(kit: &Kit, way: Way) -> Result<String, Box<dyn core::error::Error>> {
    let days = |days: u64| Duration::from_hours(days.saturating_mul(24));
    let long = Lifetimes::new(days(30), days(90))?.persistent();
    let policy = Policy::new(Duration::from_mins(30), days(1))?.with_class("remember-me", long)?;
    let class = policy.class("remember-me").unwrap_or_default();
    let kit = Kit {
        policy,
        ..kit.clone()
    };
    let store = Arc::new(fresh_store(&kit));
    let mut client = Client::new(kit.manager::<Visit>(way, Some(shared(&store)))?);
    let session = client.session();
    session.log_in("42").await?;
    session.change(|visit| *visit = Visit::small()).await?;
    session.set_class(class).await?;
    Ok(client.finish(session).await?.unwrap_or_default())
}

/// Logs out; whether the browser was told to remove its cookie.
pub(super) async fn log_out(client: &mut Client<Visit>) -> Result<bool, SessionError> {
    let session = client.session();
    session.log_out().await?;
    let header = client.finish(session).await?;
    Ok(header.is_some_and(|header| header.contains("Max-Age=0")))
}

pub(super) fn accepted(yes: bool) -> &'static str {
    if yes { "accepted" } else { "refused" }
}

fn verdict(holds: bool) -> Verdict {
    if holds {
        Verdict::Holds
    } else {
        Verdict::DoesNotHold
    }
}

/// One text for each strategy.
pub(super) fn columns(shown: Vec<String>) -> [String; 3] {
    let mut shown = shown.into_iter();
    [(); 3].map(|()| shown.next().unwrap_or_default())
}
