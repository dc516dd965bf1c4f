//! Real complaints with their categories.

use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// Texts with their categories.
pub type Labelled = Vec<(String, String)>;

/// The complaints of the CFPB, where they are given.
pub fn cfpb() -> Option<Labelled> {
    let Ok(directory) = std::env::var("COMPLAINT_TEST_DATA") else {
        println!("only the example was used: set COMPLAINT_TEST_DATA to a directory with cfpb.csv.gz");
        return None;
    };
    let packed = std::fs::read(Path::new(&directory).join("cfpb.csv.gz")).unwrap();
    let mut bytes = Vec::new();
    MultiGzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    Some(labelled(&bytes, "text", "label"))
}

/// The data set of `examples/`.
pub fn example() -> Labelled {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/complaints.csv");
    labelled(&std::fs::read(path).unwrap(), "narrative", "category")
}

/// Two columns of a CSV file.
fn labelled(bytes: &[u8], text: &str, label: &str) -> Labelled {
    let mut reader = csv::Reader::from_reader(bytes);
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let (text, label) = (column(text), column(label));
    let rows = reader.records().map(|record| record.unwrap());
    rows.map(|row| (row[text].to_owned(), row[label].to_owned())).collect()
}
