//! What goes into a coding comes out of it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends it")]

use bytes::Bytes;
use edgeway_codings::{Encoder, decode};
use gateway_core::http::content_coding::Coding;
use gateway_core::http::content_decoding::{DecodeError, Decoding};
use gateway_core::ports::Encoding;
use proptest::prelude::*;

const ALL: [(Coding, Decoding, u8); 3] =
    [(Coding::Zstd, Decoding::Zstd, 3), (Coding::Brotli, Decoding::Brotli, 4), (Coding::Gzip, Decoding::Gzip, 6)];

fn encoded(coding: Coding, level: u8, pieces: &[Vec<u8>], flushed: &[bool]) -> Vec<u8> {
    let mut encoder = Encoder::new(Encoding { coding, level });
    let mut all = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        encoder.write(piece);
        if flushed.get(place).copied().unwrap_or_default() {
            encoder.flush();
            all.extend_from_slice(&encoder.take());
        }
    }
    encoder.finish().unwrap();
    all.extend_from_slice(&encoder.take());
    all
}

fn content() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..2_000),
        ("[a-d]{1,5}", 0..3_000_usize).prop_map(|(text, times)| text.repeat(times).into_bytes()),
    ];
    proptest::collection::vec(piece, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever its pieces are and wherever it is flushed.
    #[test]
    fn a_content_comes_out_as_it_went_in(pieces in content(), flushed in proptest::collection::vec(any::<bool>(), 8), fast in any::<bool>()) {
        let whole = pieces.concat();
        for (coding, decoding, level) in ALL {
            let level = if fast { 1 } else { level };
            let all = Bytes::from(encoded(coding, level, &pieces, &flushed));
            prop_assert_eq!(&decode(all.clone(), &[decoding], whole.len() as u64).unwrap(), &whole);
            if !whole.is_empty() {
                let less = whole.len() as u64 - 1;
                prop_assert_eq!(decode(all.clone(), &[decoding], less), Err(DecodeError::TooLarge));
            }
            // Cut off anywhere it is not whole.
            for cut in [0, 1, all.len() / 2, all.len() - 1].into_iter().filter(|cut| *cut < all.len()) {
                prop_assert_eq!(decode(all.slice(..cut), &[decoding], u64::MAX), Err(DecodeError::Malformed));
            }
            let longer = [&all[..], b"x"].concat();
            prop_assert_eq!(decode(longer.into(), &[decoding], u64::MAX), Err(DecodeError::Malformed));
        }
    }

    /// Whatever it is, it comes to an end within its limit.
    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for decoding in [Decoding::Gzip, Decoding::Deflate, Decoding::Brotli, Decoding::Zstd] {
            if let Ok(content) = decode(bytes.clone().into(), &[decoding], 1_000) {
                prop_assert!(content.len() <= 1_000);
            }
        }
    }
}

/// RFC 7932, RFC 1952 §2.3.1, RFC 8878: what was flushed can be decoded by whoever has nothing of what follows.
#[test]
fn what_is_flushed_is_all_there() {
    for (coding, decoding, level) in ALL {
        let mut encoder = Encoder::new(Encoding { coding, level });
        encoder.write(b"data: 1\n\n");
        assert!(encoder.is_held());
        encoder.flush();
        let first = encoder.take();
        encoder.write(b"data: 2\n\n");
        encoder.finish().unwrap();
        let rest = encoder.take();
        // The first part alone is long enough for its event: the second one adds to it.
        assert!(first.len() > 9 && !rest.is_empty(), "{coding:?}");
        let whole = Bytes::from([first, rest].concat());
        assert_eq!(decode(whole, &[decoding], 100).unwrap(), "data: 1\n\ndata: 2\n\n");
    }
}

/// 1 GiB of zeros in about a megabyte, and in a kilobyte by two codings.
#[test]
fn a_bomb_ends_at_its_limit() {
    let pieces = vec![vec![0; 1 << 20]; 64];
    for (coding, decoding, level) in ALL {
        let bomb = Bytes::from(encoded(coding, level, &pieces, &[]));
        assert!(bomb.len() < 1 << 17, "{coding:?}: {}", bomb.len());
        assert_eq!(decode(bomb.clone(), &[decoding], 1 << 20), Err(DecodeError::TooLarge));
        let twice = Bytes::from(encoded(coding, level, &[bomb.to_vec()], &[]));
        assert_eq!(decode(twice.clone(), &[decoding, decoding], 1 << 20), Err(DecodeError::TooLarge));
        assert_eq!(decode(twice, &[decoding, decoding], 64 << 20).unwrap().len(), 64 << 20);
    }
}

/// RFC 1952 §2.2, RFC 8878 §3: members and frames follow one another.
#[test]
fn several_members_are_one_content() {
    for (coding, decoding, level) in [ALL[0], ALL[2]] {
        let one = encoded(coding, level, &[b"ab".to_vec()], &[]);
        assert_eq!(decode([one.clone(), one].concat().into(), &[decoding], 4).unwrap(), "abab");
    }
}

/// RFC 9110 §8.4.1.2: `deflate` is zlib; some send it bare.
#[test]
fn deflate_comes_with_its_frame_or_without() {
    let zlib = [0x78, 0x9c, 0x4b, 0x4c, 0x02, 0x00, 0x01, 0x26, 0x00, 0xc4];
    let of = |bytes: &[u8]| decode(Bytes::copy_from_slice(bytes), &[Decoding::Deflate], 10);
    assert_eq!(of(&zlib).unwrap(), "ab");
    assert_eq!(of(&zlib[2..6]).unwrap(), "ab");
    let mut wrong = zlib;
    wrong[9] ^= 1;
    assert_eq!(of(&wrong), Err(DecodeError::Malformed), "the checksum");
    for cut in 0..zlib.len() {
        assert_eq!(of(&zlib[..cut]), Err(DecodeError::Malformed), "{cut}");
    }
    assert_eq!(of(&[&zlib[..], b"x"].concat()), Err(DecodeError::Malformed));
    assert_eq!(of(&[&zlib[2..6], b"x"].concat()), Err(DecodeError::Malformed));
}
