{{- /* With -enforcer it is a label, of 63 characters at most. */ -}}
{{- define "distillwatch.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 54 | trimSuffix "-" }}
{{- end }}

{{- define "distillwatch.fullname" -}}
{{- $name := include "distillwatch.name" . }}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- $full = default $full .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- if not (regexMatch "^[a-z][-a-z0-9]*$" $full) }}
{{- fail (printf "fullnameOverride: %s is no name of a service: a letter, then letters, digits and -, in lower case" $full) }}
{{- end }}
{{- $full }}
{{- end }}

{{- define "distillwatch.selector" -}}
app.kubernetes.io/name: {{ include "distillwatch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "distillwatch.labels" -}}
{{ include "distillwatch.selector" . }}
{{ include "distillwatch.commonLabels" . }}
{{- end }}

{{- define "distillwatch.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "distillwatch.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "distillwatch.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "distillwatch.image" -}}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}
{{- else }}{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Where the runbook of this version is. */ -}}
{{- define "distillwatch.runbook" -}}
{{- .Values.monitoring.runbookUrl | replace "{version}" .Chart.AppVersion }}
{{- end }}

{{- /* All settings of the product: the given ones, and what other values imply. */ -}}
{{- define "distillwatch.settings" -}}
{{- $implied := dict "alerting" (dict "runbook_url" .Values.monitoring.runbookUrl) }}
{{- if .Values.enforcer.enabled }}
{{- $_ := set $implied "enforcer" (dict "host" "0.0.0.0") }}
{{- end }}
{{- with .Values.strimzi }}
{{- if .enabled }}
{{- $cluster := required "strimzi.cluster: the name of the Kafka resource" .cluster }}
{{- $kafka := dict "bootstrap_servers" (default (printf "%s-kafka-bootstrap:9093" $cluster) .bootstrapServers) "ssl_cafile" "/etc/distillwatch/kafka/ca/ca.crt" }}
{{- if eq .user.authentication "tls" }}
{{- $kafka = merge $kafka (dict "security_protocol" "SSL" "ssl_certfile" "/etc/distillwatch/kafka/user/user.crt" "ssl_keyfile" "/etc/distillwatch/kafka/user/user.key") }}
{{- else }}
{{- $kafka = merge $kafka (dict "security_protocol" "SASL_SSL") }}
{{- end }}
{{- $_ := set $implied "kafka" $kafka }}
{{- end }}
{{- end }}
{{- $settings := merge (deepCopy .Values.settings) $implied }}
{{- $_ := required "settings.kafka.bootstrap_servers: where the brokers are, host:port, comma-separated" $settings.kafka.bootstrap_servers }}
{{- toYaml $settings }}
{{- end }}

{{- define "distillwatch.securityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- /* The secret settings that a component may read (.Component, of workers empty). Enforcers, which answer gateways, and
the report have only what they use; workers have all, as people run commands in their pods. */ -}}
{{- define "distillwatch.secrets" -}}
{{- $used := dict "enforcer" (list "admin" "decisions" "enforcer" "kafka") "report" (list "decisions" "kafka") }}
{{- $found := dict }}
{{- range $setting, $secret := .Values.secretSettings }}
{{- if or (not $.Component) (has (splitList "." $setting | first) (get $used (default "" $.Component))) }}
{{- $_ := set $found $setting $secret }}
{{- end }}
{{- end }}
{{- toYaml $found }}
{{- end }}

{{- /* The KafkaUser of a component: enforcers have one of their own, with fewer rights. */ -}}
{{- define "distillwatch.kafkaUser" -}}
{{- include (eq (default "" .Component) "enforcer" | ternary "distillwatch.enforcerName" "distillwatch.fullname") . }}
{{- end }}

{{- /* What differs from component to component; the ConfigMap has what they share. */ -}}
{{- define "distillwatch.env" -}}
{{- range $setting, $_ := include "distillwatch.secrets" . | fromYaml }}
- name: DISTILLWATCH_{{ $setting | replace "." "_" | upper }}_FILE
  value: /etc/distillwatch/secrets/{{ $setting }}
{{- end }}
{{- if and .Values.strimzi.enabled (eq .Values.strimzi.user.authentication "scram-sha-512") }}
{{- if not (dig "kafka" "username" "" .Values.settings) }}
- name: DISTILLWATCH_KAFKA_USERNAME
  value: {{ include "distillwatch.kafkaUser" . }}
{{- end }}
- name: DISTILLWATCH_KAFKA_PASSWORD_FILE
  value: /etc/distillwatch/kafka/user/password
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* What a container of a component needs to run a command of the product. */ -}}
{{- define "distillwatch.container" -}}
{{- $secrets := include "distillwatch.secrets" . | fromYaml }}
image: {{ include "distillwatch.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- include "distillwatch.securityContext" . | nindent 2 }}
envFrom:
  - configMapRef:
      name: {{ include "distillwatch.fullname" . }}
{{- with include "distillwatch.env" . | trim }}
env:
  {{- . | nindent 2 }}
{{- end }}
{{- if or $secrets .Values.strimzi.enabled .Values.extraVolumeMounts }}
volumeMounts:
  {{- if $secrets }}
  - name: secrets
    mountPath: /etc/distillwatch/secrets
    readOnly: true
  {{- end }}
  {{- if .Values.strimzi.enabled }}
  - name: kafka-ca
    mountPath: /etc/distillwatch/kafka/ca
    readOnly: true
  - name: kafka-user
    mountPath: /etc/distillwatch/kafka/user
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* What all pods have in common. */ -}}
{{- define "distillwatch.pod" -}}
serviceAccountName: {{ include "distillwatch.serviceAccount" . }}
automountServiceAccountToken: false
# A service named distillwatch would otherwise become variables DISTILLWATCH_…, which are settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "distillwatch.volumes" -}}
{{- $secrets := include "distillwatch.secrets" . | fromYaml }}
{{- if or $secrets .Values.strimzi.enabled .Values.extraVolumes }}
volumes:
  {{- if $secrets }}
  - name: secrets
    projected:
      sources:
        {{- range $setting, $secret := $secrets }}
        - secret:
            name: {{ $secret.name }}
            items:
              - key: {{ $secret.key }}
                path: {{ $setting }}
        {{- end }}
  {{- end }}
  {{- with .Values.strimzi }}
  {{- if .enabled }}
  - name: kafka-ca
    secret:
      secretName: {{ .cluster }}-cluster-ca-cert
  - name: kafka-user
    secret:
      secretName: {{ include "distillwatch.kafkaUser" $ }}
  {{- end }}
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Enforcers have a name of their own: what selects workers must not select them. */ -}}
{{- define "distillwatch.enforcerSelector" -}}
app.kubernetes.io/name: {{ include "distillwatch.name" . }}-enforcer
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "distillwatch.enforcerName" -}}
{{ include "distillwatch.fullname" . }}-enforcer
{{- end }}

{{- define "distillwatch.enforcerLabels" -}}
{{ include "distillwatch.enforcerSelector" . }}
{{ include "distillwatch.commonLabels" . }}
app.kubernetes.io/component: enforcer
{{- end }}

{{- /* So have the pods of the monthly report. */ -}}
{{- define "distillwatch.reportSelector" -}}
app.kubernetes.io/name: {{ include "distillwatch.name" . }}-report
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Kubernetes makes names of jobs from it: 52 characters at most. */ -}}
{{- define "distillwatch.reportName" -}}
{{ include "distillwatch.fullname" . | trunc 45 | trimSuffix "-" }}-report
{{- end }}

{{- define "distillwatch.reportLabels" -}}
{{ include "distillwatch.reportSelector" . }}
{{ include "distillwatch.commonLabels" . }}
app.kubernetes.io/component: report
{{- end }}

{{- /* The pod of helm test, which a NetworkPolicy lets in to workers. */ -}}
{{- define "distillwatch.testSelector" -}}
app.kubernetes.io/name: {{ include "distillwatch.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "distillwatch.reportMounts" -}}
{{- $own := list }}
{{- if .Values.report.volumeClaim }}
{{- $own = list (dict "name" "reports" "mountPath" "/reports") }}
{{- end }}
{{- toYaml (concat .Values.extraVolumeMounts $own) }}
{{- end }}

{{- define "distillwatch.reportVolumes" -}}
{{- $own := list }}
{{- with .Values.report.volumeClaim }}
{{- $own = list (dict "name" "reports" "persistentVolumeClaim" (dict "claimName" .)) }}
{{- end }}
{{- toYaml (concat .Values.extraVolumes $own) }}
{{- end }}

{{- define "distillwatch.strimziVersion" -}}
kafka.strimzi.io/{{ .Capabilities.APIVersions.Has "kafka.strimzi.io/v1/KafkaTopic" | ternary "v1" "v1beta2" }}
{{- end }}
