//! kubectl with built-in kinds: everyday commands for Deployments, Jobs and their parts.

use std::path::Path;

use complaint_harness::{Case, Kubectl, tests};

use crate::cluster::{Cluster, has};

pub fn tests() -> Vec<Case> {
    tests![kubectl_works_with_workloads]
}

/// The operator serves as an example of a server: it runs until it is stopped.
const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: { app: web }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata:
      labels: { app: web }
    spec:
      terminationGracePeriodSeconds: 2
      containers:
        - name: main
          image: example.com/complaint-operator:1
          args: [run, --leader-elect=true, --health-bind=127.0.0.1:0]
"#;

const JOB: &str = r#"
apiVersion: batch/v1
kind: Job
metadata:
  name: print
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: main
          image: example.com/complaint-operator:1
          args: [crds]
"#;

struct Shell<'a> {
    cluster: &'a Cluster,
    kubectl: &'a Path,
}

impl Shell<'_> {
    fn ok(&self, args: &str) -> String {
        self.cluster.ok(self.kubectl, args)
    }

    fn with_input(&self, args: &str, input: &str) -> String {
        let answer = self.cluster.run(self.kubectl, args, input);
        assert!(answer.ok, "{args}:\n{}{}", answer.out, answer.err);
        answer.out
    }

    fn fails(&self, args: &str, input: &str) -> String {
        let answer = self.cluster.run(self.kubectl, args, input);
        assert!(!answer.ok, "{args} should fail:\n{}", answer.out);
        format!("{}{}", answer.out, answer.err)
    }

    fn field(&self, object: &str, path: &str) -> String {
        self.ok(&format!("get {object} -o jsonpath={{{path}}}"))
    }
}

fn kubectl_works_with_workloads(kubectl: Kubectl) {
    let cluster = Cluster::start(&[]);
    let shell = Shell {
        cluster: &cluster,
        kubectl: &kubectl,
    };
    shell.ok("apply -f crds/");
    look(&shell);
    patch_and_edit(&shell);
    roll_out(&shell);
    share_fields(&shell);
    follow_logs(&shell);
    cascade(&shell);
}

fn look(shell: &Shell<'_>) {
    has(
        &shell.with_input("apply -f -", DEPLOYMENT),
        &["deployment.apps/web created"],
    );
    has(
        &shell.ok("rollout status deploy/web --timeout=60s"),
        &["successfully rolled out"],
    );
    has(
        &shell.ok("get deploy,rs,pods -o wide"),
        &[
            "CONTAINERS",
            "IMAGES",
            "example.com/complaint-operator:1",
            "NODE",
            "app=web",
            "1/1",
            "Running",
        ],
    );
    has(
        &shell.ok("get deploy web -o yaml"),
        &[
            "kind: Deployment",
            "progressDeadlineSeconds: 600",
            "observedGeneration: 1",
        ],
    );
    assert_eq!(
        shell.field("deploy web", ".spec.template.spec.containers[0].image"),
        "example.com/complaint-operator:1"
    );
    has(
        &shell.ok("describe deploy web"),
        &[
            "StrategyType:",
            "RollingUpdate",
            "ScalingReplicaSet",
            "Scaled up replica set web-",
        ],
    );
    has(
        &shell.ok("describe pods -l app=web"),
        &["Started", "Service Account:  default", "Ready:          True"],
    );
    has(
        &shell.ok("explain deployment.spec.strategy.rollingUpdate"),
        &["maxSurge", "maxUnavailable", "IntOrString"],
    );
    has(&shell.ok("get events"), &["SuccessfulCreate", "Created pod: web-"]);
    has(
        &shell.ok("api-resources --api-group=apps"),
        &["deployments", "deploy", "apps/v1"],
    );
}

fn patch_and_edit(shell: &Shell<'_>) {
    has(&shell.ok("label deploy web tier=front"), &["labeled"]);
    has(
        &shell.ok("get deploy -l tier=front --output name"),
        &["deployment.apps/web"],
    );
    has(&shell.fails("label deploy web tier=back", ""), &["already has a value"]);
    shell.ok("label deploy web tier-");
    assert_eq!(shell.ok("get deploy -l tier=front --output name"), "");
    has(&shell.ok("annotate deploy web note=kept"), &["annotated"]);
    assert_eq!(shell.field("deploy web", ".metadata.annotations.note"), "kept");

    // A strategic patch merges lists by their key, a merge patch replaces them, a JSON patch names places.
    shell.ok(r#"patch deploy web -p {"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"A","value":"1"}]}]}}}}"#);
    assert_eq!(
        shell.field("deploy web", ".spec.template.spec.containers[0].image"),
        "example.com/complaint-operator:1"
    );
    assert_eq!(
        shell.field("deploy web", ".spec.template.spec.containers[0].env[0].value"),
        "1"
    );
    let bare = r#"patch deploy web --type=merge -p {"spec":{"template":{"spec":{"containers":[{"name":"main"}]}}}}"#;
    has(
        &shell.fails(bare, ""),
        &["spec.template.spec.containers[0].image: Required value"],
    );
    shell.ok(r#"patch deploy web --type=json -p [{"op":"replace","path":"/spec/template/spec/containers/0/env/0/value","value":"2"}]"#);
    assert_eq!(
        shell.field("deploy web", ".spec.template.spec.containers[0].env[0].value"),
        "2"
    );
    let immutable = r#"patch deploy web --type=merge -p {"spec":{"selector":{"matchLabels":{"app":"other"}}}}"#;
    has(&shell.fails(immutable, ""), &["field is immutable"]);

    let edited = shell
        .cluster
        .edit(shell.kubectl, "edit deploy web", "s/^  replicas: 1/  replicas: 2/");
    assert!(edited.ok, "{}{}", edited.out, edited.err);
    assert_eq!(shell.field("deploy web", ".spec.replicas"), "2");
    has(
        &shell.ok("scale deploy web --replicas=3 --current-replicas=2"),
        &["scaled"],
    );
    assert_eq!(shell.field("deploy web", ".spec.replicas"), "3");
    has(
        &shell.fails("scale deploy web --replicas=1 --current-replicas=2", ""),
        &["Expected replicas to be 2, was 3"],
    );
    shell.ok("scale deploy web --replicas=1");
}

fn roll_out(shell: &Shell<'_>) {
    shell.ok("rollout status deploy/web --timeout=60s");
    let before = shell.field(
        "deploy web",
        r".metadata.annotations.deployment\.kubernetes\.io/revision",
    );
    shell.ok("set image deploy/web main=example.com/complaint-operator:2");
    shell.ok("rollout status deploy/web --timeout=60s");
    let history = shell.ok("rollout history deploy/web");
    has(&history, &["REVISION", &before]);
    has(
        &shell.ok(&format!("rollout history deploy/web --revision={before}")),
        &["example.com/complaint-operator:1"],
    );
    has(&shell.ok("rollout undo deploy/web"), &["rolled back"]);
    shell.ok("rollout status deploy/web --timeout=60s");
    assert_eq!(
        shell.field("deploy web", ".spec.template.spec.containers[0].image"),
        "example.com/complaint-operator:1"
    );
    has(&shell.ok("rollout restart deploy/web"), &["restarted"]);
    shell.ok("rollout status deploy/web --timeout=60s");
    shell.ok("rollout pause deploy/web");
    has(&shell.fails("rollout restart deploy/web", ""), &["paused"]);
    shell.ok("rollout resume deploy/web");
}

fn share_fields(shell: &Shell<'_>) {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: shared }\ndata: { a: '1' }\n";
    let other = map.replace("a: '1'", "a: '2'");
    has(
        &shell.with_input("apply --server-side -f -", map),
        &["serverside-applied"],
    );
    let difference = shell.fails(
        "diff --server-side --field-manager=other --force-conflicts -f -",
        &other,
    );
    has(&difference, &["-  a: \"1\"", "+  a: \"2\""]);
    let refused = shell.fails("apply --server-side --field-manager=other -f -", &other);
    has(
        &refused,
        &["Apply failed with 1 conflict", "conflict with \"kubectl\"", ".data.a"],
    );
    shell.with_input(
        "apply --server-side --field-manager=other --force-conflicts -f -",
        &other,
    );
    assert_eq!(shell.field("cm shared", ".data.a"), "2");
    has(
        &shell.ok("get cm shared --show-managed-fields -o yaml"),
        &["manager: other", "operation: Apply"],
    );
    let typed = shell.fails("apply -f -", &map.replace("data: { a: '1' }", "data: { a: 1 }"));
    has(&typed, &["cannot unmarshal number"]);
}

fn follow_logs(shell: &Shell<'_>) {
    shell.with_input("apply -f -", JOB);
    // Following ends with the container.
    has(
        &shell.ok("logs -f job/print --pod-running-timeout=60s"),
        &["trainingruns.complaints.dev", "modelversions.complaints.dev"],
    );
    shell.ok("wait --for=condition=Complete job/print --timeout=60s");
    let last = shell.ok("logs job/print --tail=3");
    assert_eq!(last.lines().count(), 3, "{last}");
    has(&shell.ok("get jobs"), &["Complete", "1/1"]);
}

fn cascade(shell: &Shell<'_>) {
    shell.ok("delete deploy web --cascade=orphan");
    let set = shell.ok("get rs -l app=web --output name");
    let running: Vec<&str> = set
        .lines()
        .filter(|name| shell.field(name, ".status.readyReplicas") == "1")
        .collect();
    assert_eq!(running.len(), 1, "the orphans stay: {set}");
    // A Deployment with the same selector adopts them again.
    shell.with_input("apply -f -", DEPLOYMENT);
    shell.ok("rollout status deploy/web --timeout=60s");
    shell.ok("delete deploy web --cascade=foreground --timeout=60s");
    assert_eq!(
        shell.ok("get rs,pods -l app=web --output name"),
        "",
        "dependents go first"
    );
    shell.ok("delete job print --cascade=background");
    shell.ok("wait --for=delete pod -l job-name=print --timeout=60s");
    shell.ok("create namespace gone");
    shell.ok("create configmap a --from-literal=k=v --namespace gone");
    shell.ok("delete namespace gone --timeout=60s");
    has(&shell.fails("get cm a --namespace gone", ""), &["NotFound"]);
}
