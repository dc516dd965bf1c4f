//! Who is promoted.

use super::*;

#[test]
fn the_first_version_rolls_out_and_is_champion_only_when_its_deployment_is_complete() {
    let fresh = classifier(json!({}), json!({}));
    let empty = plan(&fresh, &Seen::default());
    assert_eq!(target(&empty), None);
    assert!(condition::is_true(
        &next(&fresh, &Seen::default(), &empty).conditions,
        RECONCILING
    ));

    let started = seen(vec![version("v1", None)], None, vec![]);
    let rolling = plan(&fresh, &started);
    assert_eq!((target(&rolling), rolling.promote), (Some("v1"), None));
    assert_eq!(next(&fresh, &started, &rolling).challenger, Some(digest_of("v1")));

    let complete = seen(
        vec![version("v1", None)],
        Some(deployment("v1", 1, json!({}))),
        vec![pod("v1", true, json!({}))],
    );
    let promoting = plan(&fresh, &complete);
    assert_eq!(promoting.promote, Some(PromotionReason::FirstVersion));
    let after = next(&fresh, &complete, &promoting);
    assert_eq!(
        after.champion.as_ref().map(|champion| champion.name.as_str()),
        Some("v1")
    );
    assert_eq!((after.challenger, after.promotions.len()), (None, 1));
    assert!(condition::is_true(&after.conditions, READY) && condition::is_true(&after.conditions, AVAILABLE));
}

#[test]
fn a_better_version_takes_over_and_a_worse_one_is_rejected_with_the_numbers() {
    let served = with_champion(json!({}), "v1", None);
    let old = || promoted(version("v1", None), "2026-01-01T00:00:00Z");
    let better = plan(
        &served,
        &seen(vec![old(), version("v2", Some(("v1", 0.05)))], None, vec![]),
    );
    assert_eq!((target(&better), better.rejected.len()), (Some("v2"), 0));

    let worse = plan(
        &served,
        &seen(vec![old(), version("v2", Some(("v1", -0.05)))], None, vec![]),
    );
    assert_eq!(target(&worse), Some("v1"));
    assert_eq!(worse.rejected[0].reason, "NotBetter");
    assert!(
        worse.rejected[0].message.contains("-0.05"),
        "{}",
        worse.rejected[0].message
    );
}

#[test]
fn a_challenger_goes_on_until_it_serves() {
    let rolling = with_champion(json!({}), "v1", Some("v2"));
    let versions = vec![
        promoted(version("v1", None), "2026-01-01T00:00:00Z"),
        version("v2", Some(("v1", 0.05))),
        version("v3", Some(("v1", 0.09))),
    ];
    let planned = plan(&rolling, &seen(versions, Some(deployment("v2", 0, json!({}))), vec![]));
    assert_eq!(target(&planned), Some("v2"));
    assert!(
        matches!(planned.rollout, Some(Rollout::InProgress { .. })),
        "{:?}",
        planned.rollout
    );
}

#[test]
fn a_pin_beats_the_policy_and_brings_an_old_version_back() {
    let versions = || {
        vec![
            promoted(version("v1", None), "2026-01-01T00:00:00Z"),
            promoted(version("v2", None), "2026-01-02T00:00:00Z"),
            version("v3", Some(("v2", 0.5))),
        ]
    };
    let pin = |name: &str| json!({ "promotion": { "modelVersion": name } });
    let back = with_champion(pin("v1"), "v2", None);
    let rolled = seen(
        versions(),
        Some(deployment("v1", 1, json!({}))),
        vec![pod("v1", true, json!({}))],
    );
    let plan_back = plan(&back, &rolled);
    assert_eq!(plan_back.promote, Some(PromotionReason::Pinned));
    assert_eq!(
        next(&back, &rolled, &plan_back).previous_champion,
        Some(digest_of("v2"))
    );

    let absent = plan(&with_champion(pin("v9"), "v2", None), &rolled);
    assert_eq!(target(&absent), Some("v2"));
    assert_eq!(absent.stalled.map(|stalled| stalled.0), Some("PinnedVersionNotFound"));
}

#[test]
fn manual_policy_and_pause_promote_nothing() {
    let versions = || {
        vec![
            promoted(version("v1", None), "2026-01-01T00:00:00Z"),
            version("v2", Some(("v1", 0.1))),
        ]
    };
    let manual = with_champion(json!({ "promotion": { "policy": "Manual" } }), "v1", None);
    assert_eq!(target(&plan(&manual, &seen(versions(), None, vec![]))), Some("v1"));
    let paused = with_champion(json!({ "paused": true }), "v1", None);
    let planned = plan(&paused, &seen(versions(), None, vec![]));
    assert!(planned.hold == Some(Hold::Paused) && planned.target.is_none());
}

#[test]
fn promotions_that_follow_at_once_have_a_time_each() {
    let roll_out = |name: &str| {
        let versions = ["v1", "v2"].map(|name| promoted(version(name, None), "2026-01-01T00:00:00Z"));
        let pods = vec![pod(name, true, json!({}))];
        seen(versions.into(), Some(deployment(name, 1, json!({}))), pods)
    };
    let mut status = json!({ "champion": { "name": "v2", "sha256": sha("2") } });
    for name in ["v1", "v2", "v1"] {
        let pinned = classifier(json!({ "promotion": { "modelVersion": name } }), status);
        let rolled = roll_out(name);
        let plan = plan(&pinned, &rolled);
        assert_eq!(plan.promote, Some(PromotionReason::Pinned));
        status = json!(next(&pinned, &rolled, &plan));
    }
    let times: Vec<_> = (0..3).map(|k| status["promotions"][k]["time"].clone()).collect();
    assert_eq!(
        times,
        ["1970-01-01T00:00:03Z", "1970-01-01T00:00:02Z", "1970-01-01T00:00:01Z"]
    );
    assert_eq!(status["champion"]["promotionTime"], times[0]);
}
