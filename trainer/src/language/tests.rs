use super::*;

/// A complaint in each language that the pipeline supports.
const COMPLAINTS: [(Language, &str); 18] = [
    (
        Language::Ar,
        "قام البنك بخصم المبلغ من حسابي مرتين ولم يرد أحد على اتصالاتي، وأريد أن أسترجع نقودي في أقرب وقت من هذا البنك",
    ),
    (
        Language::Da,
        "Banken har trukket beløbet to gange på mit kort, og jeg har endnu ikke fået mine penge tilbage, selv om jeg har ringet hver dag",
    ),
    (
        Language::De,
        "Die Bank hat den Betrag zweimal von meinem Konto abgebucht, und ich habe mein Geld trotz mehrerer Anrufe noch nicht zurück",
    ),
    (
        Language::El,
        "Η τράπεζα χρέωσε την κάρτα μου δύο φορές και δεν έχω πάρει πίσω τα χρήματά μου, παρόλο που τηλεφώνησα πολλές φορές",
    ),
    (
        Language::En,
        "The bank has charged my card twice and I have not got my money back, although I have called them every single day",
    ),
    (
        Language::Es,
        "El banco ha cobrado dos veces el importe en mi tarjeta y todavía no me han devuelto el dinero, aunque llamo todos los días",
    ),
    (
        Language::Fi,
        "Pankki veloitti summan kaksi kertaa kortiltani, enkä ole vieläkään saanut rahojani takaisin, vaikka olen soittanut joka päivä",
    ),
    (
        Language::Fr,
        "La banque a débité deux fois le montant de mon compte et je n'ai toujours pas été remboursé, bien que j'appelle tous les jours",
    ),
    (
        Language::Hu,
        "A bank kétszer vonta le az összeget a kártyámról, és még mindig nem kaptam vissza a pénzemet, pedig minden nap felhívtam őket",
    ),
    (
        Language::It,
        "La banca ha addebitato due volte l'importo sulla mia carta e non ho ancora ricevuto il rimborso, anche se chiamo tutti i giorni",
    ),
    (
        Language::Nb,
        "Banken har trukket beløpet to ganger fra kortet mitt, og jeg har fortsatt ikke fått pengene tilbake, selv om jeg har ringt hver dag",
    ),
    (
        Language::Nl,
        "De bank heeft het bedrag twee keer van mijn rekening afgeschreven en ik heb mijn geld nog niet terug, hoewel ik elke dag bel",
    ),
    (
        Language::Pt,
        "O banco cobrou duas vezes o valor no meu cartão e ainda não recebi o dinheiro de volta, embora eu ligue todos os dias",
    ),
    (
        Language::Ro,
        "Banca a încasat de două ori suma de pe cardul meu și încă nu mi-am primit banii înapoi, deși am sunat în fiecare zi",
    ),
    (
        Language::Ru,
        "Банк дважды списал деньги с моей карты, и мне до сих пор не вернули эту сумму, хотя я звоню им каждый день",
    ),
    (
        Language::Sv,
        "Banken har dragit beloppet två gånger från mitt kort och jag har fortfarande inte fått tillbaka mina pengar, trots att jag ringer varje dag",
    ),
    (
        Language::Ta,
        "வங்கி எனது அட்டையில் இருந்து இரண்டு முறை பணம் எடுத்தது, ஆனால் எனக்கு இன்னும் பணம் திரும்ப வரவில்லை, நான் பல முறை அழைத்தேன்",
    ),
    (
        Language::Tr,
        "Banka kartımdan iki kez para çekti ve her gün aradığım halde paramı hâlâ geri alamadım, bu konuda bana çok kötü davrandılar",
    ),
];

fn of(texts: &[&'static str]) -> Languages {
    Languages::of(texts.len(), |row| texts[row])
}

#[test]
fn each_language_is_told_from_one_complaint() {
    for (language, text) in COMPLAINTS {
        let found = of(&[text]);
        assert_eq!(found.main(), Some((Tongue::Supported(language), 1.0)), "{text}");
        assert_eq!((found.language(), found.is_unspaced()), (language, false));
        assert_eq!(found.shares().len(), 1);
        assert_eq!(found.shares()[0].language, language.code(), "{text}");
    }
}

#[test]
fn what_is_no_text_of_a_language_is_english() {
    let cases = [
        "",
        "12345 67890",
        "card late mortgage teller lender pin overdraft branch",
        "sku4711 prodx refurb qty-12 eu-west",
        "Refund Konto Mobil Telefon Router Modem",
    ];
    for text in cases {
        let found = of(&[text; 30]);
        assert_eq!(found.language(), Language::En, "{text}: {:?}", found.main());
    }
    assert_eq!(of(&[]).language(), Language::En);
    assert!(of(&[]).shares().is_empty());
}

#[test]
fn a_language_without_stop_words_is_named_and_treated_as_english() {
    let found = of(&["Bank dwukrotnie obciążył moją kartę i chciałbym jak najszybciej odzyskać swoje pieniądze"]);
    assert_eq!(found.main().map(|(tongue, _)| tongue.name()), Some("Polish"));
    assert_eq!(found.language(), Language::En);
    assert_eq!(found.shares()[0].language, "pol");
}

#[test]
fn scripts_without_spaces_are_told() {
    for text in [
        "银行重复扣了我的信用卡费用，请尽快退款",
        "カードが二回請求されたので、返金してほしいです",
        "ธนาคารหักเงินจากบัตรของฉันสองครั้ง",
    ] {
        assert!(of(&[text]).is_unspaced(), "{text}");
    }
    assert!(!of(&["은행에서 제 카드로 두 번 결제했습니다. 환불해 주세요"]).is_unspaced());
    assert!(!of(&["My card 卡 was charged twice"]).is_unspaced());
}

#[test]
fn the_language_of_most_letters_decides_and_a_second_one_is_warned_of() {
    let (german, english) = (COMPLAINTS[2].1, COMPLAINTS[4].1);
    let mixed = |others: usize| {
        let texts: Vec<&str> = (0..100)
            .map(|row| if row < others { english } else { german })
            .collect();
        of(&texts)
    };
    let found = mixed(30);
    assert_eq!(found.language(), Language::De);
    let shares: Vec<(&str, usize)> = found
        .shares()
        .iter()
        .map(|share| (share.name.as_str(), share.rows))
        .collect();
    assert_eq!(shares, [("German", 70), ("English", 30)]);
    let warning = found.several().expect("a warning");
    assert_eq!(warning.reason, "SeveralLanguages");
    assert!(
        warning
            .message
            .starts_with("70 % of 100 rows are in German and 30 % in English"),
        "{}",
        warning.message
    );
    assert_eq!(mixed(5).several(), None);
    assert_eq!(mixed(60).language(), Language::En);
}

#[test]
fn a_large_data_set_is_sampled_evenly() {
    let (german, english) = (COMPLAINTS[2].1, COMPLAINTS[4].1);
    let found = Languages::of(1_000_000, |row| if row < 250_000 { german } else { english });
    assert_eq!(found.rows(), ROWS);
    assert_eq!(found.language(), Language::En);
    assert_eq!(found.shares()[1].rows, ROWS / 4);
}

/// Short requests alone are hard to tell; together they are not.
#[test]
fn short_texts_are_told_together() {
    let short = [
        "O cartão foi clonado",
        "Quero cancelar a conta",
        "Não recebi o reembolso",
        "Cobraram uma tarifa errada",
        "Meu limite foi reduzido",
        "A fatura veio com juros",
        "Onde está o meu pedido",
        "A entrega não chegou ainda",
    ];
    let texts: Vec<&str> = short.iter().copied().cycle().take(80).collect();
    assert_eq!(of(&texts).language(), Language::Pt);
}

#[test]
fn detection_is_left_out_only_where_it_changes_nothing() {
    let mut left_out = 0;
    for (main, _) in COMPLAINTS {
        for (_, text) in COMPLAINTS {
            for text in [text, &text.chars().take(25).collect::<String>()] {
                let words = hashes(text);
                left_out += usize::from(is_surely(main, &words));
                let main = Some(Tongue::Supported(main));
                assert_eq!(of_row(text, main), detected(text, &words, main), "{main:?}: {text}");
            }
        }
    }
    assert!(left_out > 15, "{left_out}");
}
