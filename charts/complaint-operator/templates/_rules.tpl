{{/*
What the controllers do, verb by verb. Server-side apply needs `patch`, and `create` for an object that is not there yet.
Secrets are absent on purpose: they enter pods as references. Owner references are made without blockOwnerDeletion, so no
`<kind>/finalizers` is needed.
*/}}
{{- define "complaint-operator.rules" -}}
# Runs are watched, and deleted when their time after the end is over; their spec is the user's.
- apiGroups: [complaints.dev]
  resources: [trainingruns]
  verbs: [get, list, watch, delete]
# A successful run records its version; a promotion is annotated on it.
- apiGroups: [complaints.dev]
  resources: [modelversions]
  verbs: [get, list, watch, create, patch]
# Classifiers are read; the operator never writes their spec.
- apiGroups: [complaints.dev]
  resources: [complaintclassifiers]
  verbs: [get, list, watch]
- apiGroups: [complaints.dev]
  resources: [trainingruns/status, modelversions/status, complaintclassifiers/status]
  verbs: [patch]
# Training.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch]
# The trainer's configuration; also whether a run's data set is there.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, create, patch]
# The default artifact store; also whether a run's data set is there.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, create, patch]
# Why pods wait, how they ended, and a run's progress.
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
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, create, patch, delete]
# What happened, for `kubectl describe`; a repeated Event is counted in place.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
