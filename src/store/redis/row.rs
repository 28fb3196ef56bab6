//! A row as Redis keeps it: one string, which comes back in one piece.
//!
//! | bytes | |
//! |---|---|
//! | 0 to 8 | version |
//! | 8 | phase |
//! | 9 to 13 | written |
//! | 13 to 17 | expires |
//! | 17 to 33 | the mark of the last write |
//! | from 33 | the sealed record |
//!
//! Numbers are big-endian, instants seconds since 1970. The [scripts](super::script) read
//! what they need of it with these places. One string is the least that a client can be
//! asked to take apart: five fields of a hash cost it more than all the rest of a read.

use crate::{
    store::{Row, RowPhase, RowState},
    time::Timestamp,
};

/// What stands before the record.
const HEAD: usize = 33;

/// Version and phase, by which a script knows the state.
pub(super) fn state(state: RowState) -> [u8; 9] {
    let mut bytes = [0; 9];
    let (version, phase) = bytes.split_at_mut(8);
    version.copy_from_slice(&state.version.to_be_bytes());
    phase.copy_from_slice(&[state.phase.code()]);
    bytes
}

/// As long as `written` and `expires` are.
pub(super) fn instant(instant: Timestamp) -> [u8; 4] {
    instant.unix_seconds().to_be_bytes()
}

/// The row, or nothing if this is none.
pub(super) fn parse(mut value: Vec<u8>) -> Option<Row> {
    let (version, rest) = value.split_first_chunk()?;
    let (phase, rest) = rest.split_first()?;
    let (written, rest) = rest.split_first_chunk()?;
    let (expires, rest) = rest.split_first_chunk()?;
    let (_mark, _record) = rest.split_first_chunk::<16>()?;
    let instant = |bytes: &[u8; 4]| Timestamp::from_unix_seconds(u32::from_be_bytes(*bytes));
    let state = RowState {
        version: u64::from_be_bytes(*version),
        phase: RowPhase::from_code(*phase)?,
    };
    let (written, expires) = (instant(written), instant(expires));
    value.drain(..HEAD);
    Some(Row {
        state,
        written,
        expires,
        bytes: value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_as_its_parts_were_put_together() {
        let row = Row {
            state: RowState {
                version: u64::MAX - 1,
                phase: RowPhase::Moved,
            },
            written: Timestamp::from_unix_seconds(0x0102_0304),
            expires: Timestamp::MAX,
            bytes: vec![0, 1, 2],
        };
        let parts: [&[u8]; 5] = [
            &state(row.state),
            &instant(row.written),
            &instant(row.expires),
            &[7; 16],
            &row.bytes,
        ];
        let value = parts.concat();
        assert_eq!(value.len(), HEAD + 3);
        assert_eq!(parse(value), Some(row));
    }

    #[test]
    fn what_is_cut_off_or_of_no_known_phase_is_no_row() {
        let whole = [0; HEAD];
        assert!(parse(whole.to_vec()).unwrap().bytes.is_empty());
        for length in 0..HEAD {
            assert_eq!(parse(whole[..length].to_vec()), None, "{length}");
        }
        let mut strange = whole;
        strange[8] = 3;
        assert_eq!(parse(strange.to_vec()), None);
    }
}
