//! What each language gets: stop words are removed, inflected forms of a word become one token, and so a model that learned
//! some forms knows others.

use std::collections::BTreeMap;

use complaint_model::predict::Scratch;
use complaint_model::text::TextPipeline;
use complaint_model::vectorize::{TokenizedCorpus, Vectorizer};
use complaint_model::{
    Algorithm, ArtifactBuilder, Features, Language, LinearModel, Normalizer, Parameters, Predictor, Preprocessing,
};

/// Words about cards and about loans, as a model sees them in training and as it meets them later.
struct Words {
    language: Language,
    card: &'static [(&'static str, &'static str)],
    loan: &'static [(&'static str, &'static str)],
    /// A sentence of stop words.
    common: &'static str,
}

const WORDS: [Words; 17] = [
    Words {
        language: Language::Ar,
        card: &[("المعاملة", "المعاملات"), ("الرسوم", "رسوم"), ("الخصم", "خصم")],
        loan: &[("القرض", "قرض"), ("فائدة", "الفائدة"), ("القسط", "قسط")],
        common: "أنا لم هذا من على إلى و في كان التي مع",
    },
    Words {
        language: Language::Da,
        card: &[("kort", "kortene"), ("betaling", "betalinger"), ("gebyr", "gebyret")],
        loan: &[("lån", "lånene"), ("rente", "renter"), ("afdrag", "afdraget")],
        common: "jeg har ikke haft det og de er på mit med der",
    },
    Words {
        language: Language::De,
        card: &[("Karte", "Karten"), ("Zahlung", "Zahlungen"), ("gesperrt", "gesperrte")],
        loan: &[("Kredit", "Krediten"), ("Vertrag", "Verträge"), ("Rate", "Raten")],
        common: "Ich habe das nicht und die sind für mich über von einer",
    },
    Words {
        language: Language::El,
        card: &[("κάρτα", "ΚΑΡΤΕΣ"), ("πληρωμή", "πληρωμές"), ("χρέωση", "χρεώσεις")],
        loan: &[("δάνειο", "δάνεια"), ("τόκος", "τόκοι"), ("σύμβαση", "συμβάσεις")],
        common: "Εγώ δεν έχω την και το με για τις ΕΙΝΑΙ από στη",
    },
    Words {
        language: Language::Es,
        card: &[("tarjeta", "tarjetas"), ("pago", "pagos"), ("bloqueada", "bloqueadas")],
        loan: &[("deuda", "deudas"), ("hipoteca", "hipotecas"), ("cuota", "cuotas")],
        common: "Yo no he con mi y los de la para que también",
    },
    Words {
        language: Language::Fi,
        card: &[("kortti", "korttia"), ("maksu", "maksut"), ("lasku", "laskun")],
        loan: &[("laina", "lainat"), ("korko", "korkoa"), ("luotto", "luottoa")],
        common: "minä en ole ja se on mutta että tämä sitä kun",
    },
    Words {
        language: Language::Fr,
        card: &[("carte", "cartes"), ("paiement", "paiements"), ("bloquée", "bloquées")],
        loan: &[
            ("l'emprunt", "d'emprunts"),
            ("taux", "TAUX"),
            ("mensualité", "mensualités"),
        ],
        common: "Je n'ai pas été avec la et qu'il est dans les j'étais",
    },
    Words {
        language: Language::Hu,
        card: &[("kártya", "kártyát"), ("fizetés", "fizetések"), ("díj", "díjak")],
        loan: &[
            ("hitel", "hitelek"),
            ("törlesztés", "törlesztést"),
            ("tartozás", "tartozások"),
        ],
        common: "én nem a és az egy hogy van volt már ezt",
    },
    Words {
        language: Language::It,
        card: &[("carta", "carte"), ("pagamento", "pagamenti"), ("bloccata", "bloccate")],
        loan: &[
            ("prestito", "prestiti"),
            ("dell'interesse", "degl'interessi"),
            ("mutuo", "mutui"),
        ],
        common: "Io non ho con la mia e il che sono della nell'",
    },
    Words {
        language: Language::Nb,
        card: &[("kort", "kortene"), ("betaling", "betalinger"), ("gebyr", "gebyret")],
        loan: &[("lån", "lånene"), ("rente", "renter"), ("avdrag", "avdraget")],
        common: "jeg har ikke vært det og de er på mitt med som",
    },
    Words {
        language: Language::Nl,
        card: &[
            ("kaart", "kaarten"),
            ("betaling", "betalingen"),
            ("geblokkeerd", "geblokkeerde"),
        ],
        loan: &[
            ("lening", "leningen"),
            ("hypotheek", "hypotheken"),
            ("termijn", "termijnen"),
        ],
        common: "Ik heb het niet en de zijn op mijn van een dat",
    },
    Words {
        language: Language::Pt,
        card: &[("conta", "contas"), ("tarifa", "tarifas"), ("cobrada", "cobradas")],
        loan: &[
            ("financiamento", "FINANCIAMENTOS"),
            ("juro", "juros"),
            ("parcela", "parcelas"),
        ],
        common: "Eu não tenho com a minha e nao foi que para voce",
    },
    Words {
        language: Language::Ro,
        card: &[
            ("factura", "facturile"),
            ("tranzacția", "tranzacţiile"),
            ("blocat", "blocată"),
        ],
        loan: &[("credit", "creditele"), ("rata", "ratele"), ("datorie", "datorii")],
        common: "Eu nu am și cu la de pe că este să si",
    },
    Words {
        language: Language::Ru,
        card: &[("карта", "картой"), ("платёж", "платёжи"), ("комиссия", "комиссии")],
        loan: &[("ипотека", "ипотеку"), ("процент", "проценты"), ("ставка", "ставки")],
        common: "Я не мне и с на что это был для по еще",
    },
    Words {
        language: Language::Sv,
        card: &[("kort", "korten"), ("betalning", "betalningar"), ("avgift", "avgifter")],
        loan: &[("lån", "lånen"), ("ränta", "räntor"), ("kredit", "krediten")],
        common: "jag har inte haft det och de är på mitt med som",
    },
    Words {
        language: Language::Ta,
        card: &[("அட்டையின்", "அட்டையில்"), ("கட்டணம்", "கட்டணங்கள்"), ("பணம்", "பணத்தை")],
        loan: &[("கடன்", "கடன்கள்"), ("வட்டி", "வட்டிகள்"), ("தவணை", "தவணைகள்")],
        common: "நான் எனக்கு இந்த மற்றும் ஒரு இல்லை என்று அது",
    },
    Words {
        language: Language::Tr,
        card: &[
            ("kartları", "KARTLARI"),
            ("limit", "LİMİTLERİ"),
            ("ekstre", "ekstreler"),
        ],
        loan: &[("kredi", "kredim"), ("faiz", "faizler"), ("taksit", "taksitleri")],
        common: "ben bu ve bir için çok da değil ama ÇOK İÇİN",
    },
];

fn steps(language: Language) -> Preprocessing {
    Preprocessing {
        min_token_length: 1,
        ..Preprocessing::default().in_language(language)
    }
}

fn tokens(language: Language, text: &str) -> Vec<String> {
    TextPipeline::new(&steps(language)).unwrap().tokenize(text)
}

#[test]
fn every_language_but_english_is_tested() {
    let tested: Vec<Language> = WORDS.iter().map(|words| words.language).collect();
    let others: Vec<Language> = Language::ALL
        .into_iter()
        .filter(|language| !language.is_english())
        .collect();
    assert_eq!(tested, others);
}

#[test]
fn stop_words_are_removed() {
    let mut left = Vec::new();
    for Words { language, common, .. } in WORDS {
        left.extend(tokens(language, common).into_iter().map(|word| (language, word)));
        assert!(!tokens(Language::En, common).is_empty());
    }
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn forms_of_a_word_are_one_token() {
    let mut apart = Vec::new();
    for Words {
        language, card, loan, ..
    } in WORDS
    {
        for (one, other) in card.iter().chain(loan) {
            let (one, other) = (tokens(language, one), tokens(language, other));
            if one.len() != 1 || one != other {
                apart.push((language, one, other));
            }
        }
    }
    assert!(apart.is_empty(), "{apart:?}");
}

/// A model whose weights are how often a term occurs in texts of a class: enough to see which terms are known.
fn model(language: Language, texts: &[(String, usize)]) -> Predictor {
    let pipeline = TextPipeline::new(&steps(language)).unwrap();
    let corpus = TokenizedCorpus::build(&pipeline, &texts.iter().map(|(text, _)| text).collect::<Vec<_>>());
    let features = Features {
        word_ngrams: [1, 1],
        min_document_frequency: 1,
        ..Features::default()
    };
    let rows: Vec<u32> = (0..texts.len() as u32).collect();
    let (vectorizer, matrix) = Vectorizer::fit_transform(&corpus, &rows, &features);
    let mut weights: BTreeMap<(u32, usize), f32> = BTreeMap::new();
    for (row, (_, class)) in texts.iter().enumerate() {
        let (columns, values) = matrix.row(row);
        for (column, value) in columns.iter().zip(values) {
            *weights.entry((*column, *class)).or_default() += value;
        }
    }
    let all = (0..vectorizer.vocabulary().len() as u32).flat_map(|term| [(term, 0), (term, 1)]);
    let model = LinearModel {
        labels: vec!["Card".into(), "Loan".into()],
        weights: all.map(|key| weights.get(&key).copied().unwrap_or_default()).collect(),
        bias: vec![0.0; 2],
    };
    let (algorithm, parameters) = (Algorithm::LinearSvm, Parameters::default());
    let artifact = ArtifactBuilder::new(&steps(language), &vectorizer, model, algorithm, parameters)
        .surface_forms(&corpus, &rows, 1)
        .build()
        .unwrap();
    // What is served is the file.
    Predictor::new(complaint_model::Artifact::from_bytes(&artifact.to_bytes()).unwrap())
}

#[test]
fn a_model_knows_forms_that_it_has_not_seen() {
    for Words {
        language,
        card,
        loan,
        common,
    } in WORDS
    {
        let sentence = |word: &str| format!("{common} {word} {common}");
        let texts: Vec<(String, usize)> = [(card, 0), (loan, 1)]
            .into_iter()
            .flat_map(|(words, class)| words.iter().map(move |(seen, _)| (sentence(seen), class)))
            .collect();
        let own = model(language, &texts);
        assert_eq!(own.artifact().preprocessing().language, language);
        let mut scratch = Scratch::default();
        for (words, class) in [(card, 0), (loan, 1)] {
            for (_, other) in words {
                let text = sentence(other);
                let answer = own.predict(&text, &mut scratch);
                assert_eq!(
                    (answer.class, answer.unknown_word_share),
                    (class, 0.0),
                    "{language}: {other}"
                );
                let explained = own.explain(&text, &mut scratch);
                let sum: f32 = explained.contributions.iter().map(|term| term.contribution).sum();
                assert!((explained.bias + sum - explained.margin).abs() < 1e-6);
                assert!(explained.margin > 0.1, "{language}: {other}");
                for term in &explained.contributions {
                    assert_eq!(&text[term.ranges[0].clone()], *other, "{language}");
                }
            }
        }
    }
}

/// `İ` and `I` are two letters in Turkish, in a known word and in an unknown one.
#[test]
fn turkish_capitals() {
    let lower = tokens(Language::Tr, "limitleri kartları ısrar iban");
    assert_eq!(lower, ["limit", "kart", "israr", "iba"]);
    for capitals in [
        "LİMİTLERİ KARTLARI ISRAR IBAN",
        "LI\u{307}MI\u{307}TLERI\u{307} KARTLARI ISRAR IBAN",
    ] {
        assert_eq!(tokens(Language::Tr, capitals), lower, "{capitals}");
        assert_ne!(tokens(Language::De, capitals), lower);
    }
}

/// Characters of scripts without spaces, alone and in runs.
#[test]
fn runs_of_characters() {
    let steps = |character_runs| Preprocessing {
        character_runs,
        normalizer: Normalizer::None,
        min_token_length: 2,
        ..Preprocessing::default()
    };
    let features = Features {
        word_ngrams: [1, 1],
        char_ngrams: Some([2, 3]),
        min_document_frequency: 1,
        ..Features::default()
    };
    let terms = |character_runs| {
        let pipeline = TextPipeline::new(&steps(character_runs)).unwrap();
        let corpus = TokenizedCorpus::build(&pipeline, &["信用卡。atm a"]);
        let vectorizer = Vectorizer::fit(&corpus, &[0], &features);
        vectorizer
            .vocabulary()
            .iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .join("|")
    };
    assert_eq!(
        terms(false),
        "atm| a| a | at| 信| 信 | 卡| 卡 | 用| 用 |a |at|atm|m |tm|tm |信 |卡 |用 "
    );
    assert_eq!(
        terms(true),
        "atm|信|卡|用| a| a | at| 信| 信用|a |at|atm|m |tm|tm |信用|信用卡|卡 |用卡|用卡 "
    );
}
