//! Languages of the text pipeline.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A language with stop words and a Snowball stemmer, by its ISO 639-1 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Arabic.
    Ar,
    /// Danish.
    Da,
    /// German.
    De,
    /// Greek.
    El,
    /// English.
    #[default]
    En,
    /// Spanish.
    Es,
    /// Finnish.
    Fi,
    /// French.
    Fr,
    /// Hungarian.
    Hu,
    /// Italian.
    It,
    /// Norwegian (Bokmål). Its code is not `no`, which is a boolean in YAML.
    Nb,
    /// Dutch.
    Nl,
    /// Portuguese.
    Pt,
    /// Romanian.
    Ro,
    /// Russian.
    Ru,
    /// Swedish.
    Sv,
    /// Tamil.
    Ta,
    /// Turkish.
    Tr,
}

impl Language {
    /// All languages, by code.
    pub const ALL: [Self; 18] = [
        Self::Ar,
        Self::Da,
        Self::De,
        Self::El,
        Self::En,
        Self::Es,
        Self::Fi,
        Self::Fr,
        Self::Hu,
        Self::It,
        Self::Nb,
        Self::Nl,
        Self::Pt,
        Self::Ro,
        Self::Ru,
        Self::Sv,
        Self::Ta,
        Self::Tr,
    ];

    /// The ISO 639-1 code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ar => "ar",
            Self::Da => "da",
            Self::De => "de",
            Self::El => "el",
            Self::En => "en",
            Self::Es => "es",
            Self::Fi => "fi",
            Self::Fr => "fr",
            Self::Hu => "hu",
            Self::It => "it",
            Self::Nb => "nb",
            Self::Nl => "nl",
            Self::Pt => "pt",
            Self::Ro => "ro",
            Self::Ru => "ru",
            Self::Sv => "sv",
            Self::Ta => "ta",
            Self::Tr => "tr",
        }
    }

    /// The name in English.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ar => "Arabic",
            Self::Da => "Danish",
            Self::De => "German",
            Self::El => "Greek",
            Self::En => "English",
            Self::Es => "Spanish",
            Self::Fi => "Finnish",
            Self::Fr => "French",
            Self::Hu => "Hungarian",
            Self::It => "Italian",
            Self::Nb => "Norwegian",
            Self::Nl => "Dutch",
            Self::Pt => "Portuguese",
            Self::Ro => "Romanian",
            Self::Ru => "Russian",
            Self::Sv => "Swedish",
            Self::Ta => "Tamil",
            Self::Tr => "Turkish",
        }
    }

    /// Whether this is English, the only language with contractions and WordNet lemmas.
    pub fn is_english(&self) -> bool {
        *self == Self::En
    }

    fn codes() -> String {
        Self::ALL.map(Self::code).join(", ")
    }
}

impl Display for Language {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// The language of a data set's texts: `Auto`, or a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LanguageSetting {
    /// The language of most training rows; English where that can't be told, or is not supported.
    #[default]
    Auto,
    /// This language.
    Is(Language),
}

impl Display for LanguageSetting {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("Auto"),
            Self::Is(language) => language.fmt(f),
        }
    }
}

/// As an argument: a code, or `auto`.
impl FromStr for LanguageSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        let found = Language::ALL.into_iter().find(|language| language.code() == text);
        let hint = if text == "no" { "; Norwegian is nb" } else { "" };
        found.map(Self::Is).ok_or_else(|| {
            format!(
                "`{text}` is not a language: give auto or one of {}{hint}",
                Language::codes()
            )
        })
    }
}

impl Serialize for LanguageSetting {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LanguageSetting {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        // Unlike an argument, a field has one spelling of each value.
        let parsed = text.parse().ok().filter(|setting: &Self| setting.to_string() == text);
        parsed.ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is not a language: write Auto or one of {}",
                Language::codes()
            ))
        })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for LanguageSetting {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LanguageSetting".into()
    }

    /// As a derived schema of an enum.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let languages = Language::ALL.map(|language| (language.code(), language.name()));
        let values = std::iter::once(("Auto", "The language of most training rows")).chain(languages);
        let options: Vec<_> = values
            .map(|(code, what)| serde_json::json!({ "description": format!("{what}."), "type": "string", "const": code }))
            .collect();
        schemars::json_schema!({ "oneOf": options })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_what_is_written() {
        assert!(Language::ALL.is_sorted());
        for language in Language::ALL {
            let json = format!("\"{}\"", language.code());
            assert_eq!(serde_json::to_string(&language).unwrap(), json);
            assert_eq!(serde_json::from_str::<Language>(&json).unwrap(), language);
            let setting = LanguageSetting::Is(language);
            assert_eq!(serde_json::to_string(&setting).unwrap(), json);
            assert_eq!(serde_json::from_str::<LanguageSetting>(&json).unwrap(), setting);
            assert_eq!(language.code().parse(), Ok(setting));
        }
        let auto = serde_json::from_str::<LanguageSetting>("\"Auto\"").unwrap();
        assert_eq!(
            (auto, "auto".parse()),
            (LanguageSetting::Auto, Ok(LanguageSetting::Auto))
        );
    }

    #[test]
    fn other_values_are_refused_with_the_list() {
        for written in ["\"auto\"", "\"EN\"", "\"no\"", "\"zh\"", "\"\""] {
            let error = serde_json::from_str::<LanguageSetting>(written)
                .unwrap_err()
                .to_string();
            assert!(error.contains("write Auto or one of ar, da, de"), "{error}");
        }
        let error = "no".parse::<LanguageSetting>().unwrap_err();
        assert!(error.ends_with("tr; Norwegian is nb"), "{error}");
    }
}
