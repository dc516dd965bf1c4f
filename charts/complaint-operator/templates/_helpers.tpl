{{- define "complaint-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* The base name of all objects. 50 characters leave room for suffixes. */}}
{{- define "complaint-operator.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Names of cluster-wide objects, distinct for releases in different namespaces. */}}
{{- define "complaint-operator.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "complaint-operator.fullname" .) | trunc 120 | trimSuffix "-" -}}
{{- end -}}

{{- define "complaint-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "complaint-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* What all objects have, after the selector's labels of their component. */}}
{{- define "complaint-operator.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: complaint-operator
{{- end -}}

{{- define "complaint-operator.chartLabel" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "complaint-operator.labels" -}}
{{ include "complaint-operator.chartLabel" . }}
{{ include "complaint-operator.selectorLabels" . }}
{{ include "complaint-operator.commonLabels" . }}
{{- end -}}

{{/* The dashboard's objects, and its ServiceAccount. */}}
{{- define "complaint-operator.dashboardName" -}}
{{- printf "%s-dashboard" (include "complaint-operator.fullname" .) -}}
{{- end -}}

{{- define "complaint-operator.dashboardSelectorLabels" -}}
app.kubernetes.io/name: {{ include "complaint-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: dashboard
{{- end -}}

{{- define "complaint-operator.dashboardLabels" -}}
{{ include "complaint-operator.chartLabel" . }}
{{ include "complaint-operator.dashboardSelectorLabels" . }}
{{ include "complaint-operator.commonLabels" . }}
{{- end -}}

{{- define "complaint-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "complaint-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The reference of one of the images: (dict "root" $ "image" "trainer"). */}}
{{- define "complaint-operator.image" -}}
{{- $image := get .root.Values.images .image -}}
{{- $repository := $image.repository -}}
{{- with .root.Values.images.registry -}}
{{- $repository = printf "%s/%s" . $repository -}}
{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .root.Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}
