#!/usr/bin/env bash
# Status, metadata and two predictions with curl:
#   ./curl.sh [URL [MODEL [ITEM_ID]]]
set -euo pipefail

url="${1:-http://localhost:8501}"
model="${2:-recommender}"
item="${3:-tv-000012}"

curl --silent --show-error --fail "$url/v1/models/$model"
curl --silent --show-error --fail --output /dev/null \
  "$url/v1/models/$model/metadata"

# Columns: each input once, as the tensor it is.
curl --silent --show-error --fail "$url/v1/models/$model:predict" --data \
  "{\"inputs\": {\"item_ids\": [[\"$item\"]], \"k\": 3, \"exclude_ids\": [[\"\"]], \"exclude_seen\": true}}"

# Rows: one object a user; here the three best that are not $item again.
curl --silent --show-error --fail "$url/v1/models/$model:predict" --data \
  "{\"instances\": [{\"item_ids\": [\"$item\"], \"k\": 3, \"exclude_ids\": [\"\"], \"exclude_seen\": true}]}"
