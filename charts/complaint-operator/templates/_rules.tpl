{{/*
The permissions of the controllers, verb by verb. Server-side apply needs `patch`, and `create` for an object that does not
exist yet. Secrets are left out on purpose: they enter pods as references. Owner references are set without
blockOwnerDeletion, so `<kind>/finalizers` is not needed.
*/}}
{{- define "complaint-operator.rules" -}}
# All reads come from caches, which need `list` and `watch`. `get` looks for an object of a name before the first one is made.
# Runs are watched, made when they are due (spec.retraining), and deleted when their time to live ends, another one replaces
# them or spec.retention no longer keeps them. Their spec is never changed.
- apiGroups: [complaints.dev]
  resources: [trainingruns]
  verbs: [list, watch, create, delete]
# A successful run records its version. A promotion is recorded as an annotation on it, and a finalizer keeps it until its files
# are deleted (spec.deletionPolicy). It is deleted when spec.retention no longer keeps it. Its spec is never changed.
- apiGroups: [complaints.dev]
  resources: [modelversions]
  verbs: [list, watch, create, patch, delete]
# Classifiers are read. The operator never writes their spec.
- apiGroups: [complaints.dev]
  resources: [complaintclassifiers]
  verbs: [list, watch]
- apiGroups: [complaints.dev]
  resources: [trainingruns/status, modelversions/status, complaintclassifiers/status]
  verbs: [patch]
# Training, comparing versions, deleting files. A Job whose pod can't start is made again when its image was corrected.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
# The trainer's configuration. Also to check that a run's data set exists.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, create, patch]
# The default artifact store. Also to check that a run's data set exists.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, create]
# Why pods are waiting, how they ended, and the progress of a run.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
# Serving.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
# Which pods are the Deployment's own: labels are no evidence.
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
# Events for `kubectl describe`. A repeated Event increases its count. A Job tells only in Events why it can't make its pod.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [list, create, patch]
{{- end -}}
