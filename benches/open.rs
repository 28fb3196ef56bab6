//! Opening each file of the corpus that fits a cookie.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sealed_session::{
    SessionData,
    codec::{Codec, Encrypted, Signed, Suite, encoded_len},
};
use support::{Case, codec, for_each_file};

struct Open<'c> {
    criterion: &'c mut Criterion,
}

impl Case for Open<'_> {
    fn run<T: SessionData + Clone + 'static>(&mut self, file: &str, form: &str, data: &T) {
        self.with::<Encrypted, T>(&format!("{file}/{form}/encrypted"), data);
        self.with::<Signed, T>(&format!("{file}/{form}/signed"), data);
    }
}

impl Open<'_> {
    fn with<S: Suite, T: SessionData>(&mut self, name: &str, data: &T) {
        let codec: Codec<S> = codec();
        let identity = codec.new_identity().unwrap();
        let Ok(sealed) = codec.seal(&identity, data) else {
            return;
        };
        let body = u64::try_from(encoded_len(data).unwrap()).unwrap();
        let mut group = self.criterion.benchmark_group("open");
        group.throughput(Throughput::Bytes(body));
        group.bench_function(name, |bencher| {
            bencher.iter(|| codec.open::<T>(black_box(sealed.value())));
        });
        group.finish();
    }
}

fn open(criterion: &mut Criterion) {
    for_each_file(&mut Open { criterion });
}

criterion_group!(benches, open);
criterion_main!(benches);
