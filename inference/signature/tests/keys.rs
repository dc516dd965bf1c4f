//! Keys as OpenSSL and others write them.

use complaint_signature::{KeyError, PublicKey, SigningKey};

macro_rules! data {
    ($name:literal) => {
        include_str!(concat!("data/", $name))
    };
}

const PUBLIC: &str = data!("signing.pub");

#[test]
fn every_form_of_a_key_is_read() {
    let sec1 = data!("sec1.key");
    let long_lines = {
        let body: String = sec1.lines().filter(|line| !line.starts_with("---")).collect();
        format!("-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----")
    };
    let forms = [
        sec1.to_owned(),
        data!("sec1-with-parameters.key").to_owned(),
        data!("pkcs8.key").to_owned(),
        sec1.replace('\n', "\r\n"),
        format!("the key of the tests\n\n  {}\n", sec1.replace('\n', "\n  ")),
        long_lines,
        format!("{PUBLIC}{sec1}"),
    ];
    let id = PublicKey::all_from_pem(PUBLIC.as_bytes()).unwrap()[0].id();
    for form in forms {
        let key = SigningKey::from_pem(form.as_bytes()).unwrap_or_else(|error| panic!("{error}: {form}"));
        assert_eq!(key.public().to_pem(), PUBLIC, "as OpenSSL writes it");
        assert_eq!(key.public().id(), id);
    }
    let several = format!("{PUBLIC}\n{}", data!("compressed.pub"));
    let keys = PublicKey::all_from_pem(several.as_bytes()).unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1], "a compressed point is the same key");
}

#[test]
fn what_is_no_usable_key_says_so_and_quotes_nothing() {
    let private = KeyError::Absent("private");
    let cut = data!("sec1.key").replacen("HcCAQEE", "HcCAQEEAAAA", 1);
    let secret = "c2VjcmV0IG1hdGVyaWFs";
    let garbage = format!("-----BEGIN PRIVATE KEY-----\n{secret}!\n-----END PRIVATE KEY-----");
    let cases: [(&str, KeyError); 12] = [
        ("", private),
        ("no key", private),
        (PUBLIC, private),
        ("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEI", private),
        (data!("encrypted-pkcs8.key"), KeyError::Encrypted),
        (data!("encrypted-sec1.key"), KeyError::Encrypted),
        (data!("p384.key"), KeyError::OtherCurve),
        (data!("p384-pkcs8.key"), KeyError::OtherCurve),
        (data!("ed25519.key"), KeyError::OtherCurve),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
            KeyError::OtherCurve,
        ),
        (&garbage, KeyError::Damaged),
        (&cut, KeyError::Damaged),
    ];
    for (text, expected) in cases {
        let error = SigningKey::from_pem(text.as_bytes()).unwrap_err();
        assert_eq!(error, expected, "{text}");
        let told = format!("{error} {error:?} {}", error.fix());
        assert!(told.contains("openssl") && !told.contains(secret), "{told}");
    }
    assert_eq!(SigningKey::from_pem(&[0xff, 0xfe]).unwrap_err(), private);

    let absent = KeyError::Absent("public");
    let off_the_curve = PUBLIC.replacen("DQgAE", "DQgAEAAAA", 1).replacen("==", "", 1);
    for (text, expected) in [
        ("", absent),
        (data!("sec1.key"), absent),
        (data!("p384.pub"), KeyError::OtherCurve),
        (data!("ed25519.pub"), KeyError::OtherCurve),
        (&off_the_curve, KeyError::Damaged),
    ] {
        assert_eq!(
            PublicKey::all_from_pem(text.as_bytes()).unwrap_err(),
            expected,
            "{text}"
        );
    }
    let one_of_two = format!("{PUBLIC}{}", data!("p384.pub"));
    assert_eq!(
        PublicKey::all_from_pem(one_of_two.as_bytes()).unwrap_err(),
        KeyError::OtherCurve
    );
}

#[test]
fn nothing_prints_a_private_key() {
    let key = SigningKey::from_pem(data!("sec1.key").as_bytes()).unwrap();
    let printed = format!("{key:?}");
    assert_eq!(printed, format!("SigningKey(of {})", key.public().id()));
}
