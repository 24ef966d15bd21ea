-- Judges a merge into main before it becomes visible. It reads the source's receipt, the
-- destination's head and the merge result; a reason it cannot establish is a reason to refuse.
local lakefs = require("lakefs")
local json = require("encoding/json")
local hook = require("hook")

local repo = action.repository_id
local source = action.source_ref
local result = action.commit_id
local head = action.commit.parents[1]
local told = action.commit.metadata or {}

local function starts(text, prefix)
  return string.sub(text, 1, #prefix) == prefix
end

local function is_hex(text)
  if #text ~= 64 then return false end
  for i = 1, #text do
    local c = string.byte(text, i)
    if not ((c >= 48 and c <= 57) or (c >= 97 and c <= 102)) then return false end
  end
  return true
end

-- Every changed path between two commits, the left an ancestor of the right.
local function changes(left, right, visit)
  local after, more = "", true
  while more do
    local code, page = lakefs.diff_refs(repo, left, right, after, "", "", 1000)
    if code ~= 200 then hook.fail("cannot compare " .. left .. " with " .. right) end
    for _, item in ipairs(page.results) do visit(item.path, item.type) end
    more, after = page.pagination.has_more, page.pagination.next_offset
  end
end

local function exists(ref, path)
  local code = lakefs.stat_object(repo, ref, path)
  return code == 200
end

local function allowed_prefixes(receipt)
  local case = receipt.case
  if receipt.kind == "bootstrap" or receipt.kind == "maintenance" then
    return { "_lakefs_actions/", "lua_hooks/" }
  elseif receipt.kind == "intake" then
    return { "landing/" .. case .. "/" }
  elseif receipt.kind == "data" then
    return { "clean/" .. case .. "/", "quarantine/" .. case .. "/" }
  elseif receipt.kind == "refusal" then
    return { "quarantine/" .. case .. "/" }
  elseif receipt.kind == "act" then
    -- the candidate is never merged itself: what it said of itself comes with the act on it
    return {
      "scores/" .. case .. "/", "watch/" .. case .. "/",
      "_lakeloop/receipts/" .. receipt.candidate .. ".json", "_lakeloop/evidence/" .. receipt.candidate .. "/",
    }
  elseif receipt.kind == "withdrawal" then
    return { "clean/" .. case .. "/", "scores/" .. case .. "/", "watch/" .. case .. "/" }
  elseif receipt.kind == "promotion" then
    return { "_lakeloop/promotions/" }
  end
  hook.fail("a receipt of kind " .. tostring(receipt.kind) .. " is never merged into main")
end

-- A Delta log must hold every version from 0, or from its first checkpoint, without a gap.
local function check_log(folder)
  local seen, checkpoint, last, first, count = {}, -1, -1, -1, 0
  local after, more = "", true
  while more do
    local code, page = lakefs.list_objects(repo, result, after, folder, "", 1000)
    if code ~= 200 then hook.fail("cannot list " .. folder) end
    for _, item in ipairs(page.results) do
      local name = string.sub(item.path, #folder + 1)
      local version = tonumber(string.sub(name, 1, 20), 10)
      if version ~= nil and #name == 25 and string.sub(name, 21) == ".json" then
        seen[version] = true
        count = count + 1
        if version > last then last = version end
        if first == -1 or version < first then first = version end
      elseif version ~= nil and string.sub(name, 21, 31) == ".checkpoint" then
        if checkpoint == -1 or version < checkpoint then checkpoint = version end
      end
    end
    more, after = page.pagination.has_more, page.pagination.next_offset
  end
  if count == 0 then return end
  if first ~= 0 and (checkpoint == -1 or checkpoint < first - 1) then
    hook.fail("gap in a Delta log: " .. folder .. " begins at version " .. first)
  end
  if count ~= last - first + 1 then
    hook.fail("gap in a Delta log: " .. folder .. " has " .. count .. " of versions " .. first .. " to " .. last)
  end
end

local run_key = told["lakeloop_run_key"] or ""
if not is_hex(run_key) then hook.fail("the merge names no run key") end
local receipt_path = "_lakeloop/receipts/" .. run_key .. ".json"
local evidence = "_lakeloop/evidence/" .. run_key .. "/"

if exists(head, receipt_path) then
  hook.fail("receipt " .. run_key .. " is already at the destination: this work is done")
end
if told["lakeloop_expected_head"] ~= head then
  hook.fail("stale expected_head " .. tostring(told["lakeloop_expected_head"]) .. ", main is at " .. head)
end

local code, body = lakefs.get_object(repo, source, receipt_path)
if code ~= 200 then hook.fail("no receipt " .. receipt_path .. " on the source") end
local receipt = json.unmarshal(body)
if receipt.run_key ~= run_key then hook.fail("the receipt is of other work: " .. tostring(receipt.run_key)) end
if told["lakeloop_audited_commit"] ~= receipt.audited_commit then
  hook.fail("the receipt is of another commit: " .. tostring(receipt.audited_commit))
end

changes(receipt.audited_commit, source, function(path)
  if path ~= receipt_path and not starts(path, evidence) then
    hook.fail("changed after the audit: " .. path)
  end
end)

local prefixes, logs = allowed_prefixes(receipt), {}
changes(head, result, function(path)
  if path == receipt_path or starts(path, evidence) then return end
  local fits = false
  for _, prefix in ipairs(prefixes) do fits = fits or starts(path, prefix) end
  if not fits then hook.fail("a receipt of kind " .. receipt.kind .. " may not change " .. path) end
  if starts(path, "_lakeloop/") and exists(head, path) then hook.fail("main has said this already: " .. path) end
  if receipt.kind == "bootstrap" and exists(head, path) then hook.fail("the gate is here already: " .. path) end
  local at = string.find(path, "/_delta_log/", 1, true)
  if at ~= nil then logs[string.sub(path, 1, at + 11)] = true end
end)
for folder in pairs(logs) do check_log(folder) end
