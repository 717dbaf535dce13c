//! Rebuilds when a migration is added: the compiler tracks only the files that were there before.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
