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

-- Only "not found" is absent: an answer that says neither must not pass for it.
local function exists(ref, path)
  local code = lakefs.stat_object(repo, ref, path)
  if code ~= 200 and code ~= 404 then hook.fail("cannot tell whether " .. path .. " is at " .. ref .. " (" .. code .. ")") end
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
  elseif receipt.kind == "backdating" then
    return { "clean/" .. case .. "/" }
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
  elseif receipt.kind == "retention" then
    -- what it may do there, which is to take away, is judged by lakeloop_retention.lua
    return {
      "landing/" .. case .. "/", "clean/" .. case .. "/", "quarantine/" .. case .. "/", "scores/" .. case .. "/",
      "watch/" .. case .. "/", "_lakeloop/evidence/",
    }
  end
  hook.fail("a receipt of kind " .. tostring(receipt.kind) .. " is never merged into main")
end

-- The version of a Delta log's file, and whether it is an entry, a checkpoint in one file, or something else.
local function log_file(name)
  local version, rest = tonumber(string.sub(name, 1, 20), 10), string.sub(name, 21)
  if version ~= nil and rest == ".json" then return version, "entry" end
  if version ~= nil and rest == ".checkpoint.parquet" then return version, "checkpoint" end
  return version, "other"
end

-- What the result holds of a log: its entries from first to last, its newest checkpoint, its newest entry of before.
local function read_log(folder, touched)
  local log = { first = -1, last = -1, count = 0, checkpoint = -1, before = -1 }
  local after, more = "", true
  while more do
    local code, page = lakefs.list_objects(repo, result, after, folder, "", 1000)
    if code ~= 200 then hook.fail("cannot list " .. folder) end
    for _, item in ipairs(page.results) do
      local name = string.sub(item.path, #folder + 1)
      local version, kind = log_file(name)
      if kind == "entry" then
        log.count = log.count + 1
        if version > log.last then log.last = version end
        if log.first == -1 or version < log.first then log.first = version end
        if touched[name] == nil and version > log.before then log.before = version end
      elseif kind == "checkpoint" and version > log.checkpoint then
        log.checkpoint = version
      end
    end
    more, after = page.pagination.has_more, page.pagination.next_offset
  end
  return log
end

-- A Delta log only grows. Delta's own clean-up is the exception: it removes what lies below a newer checkpoint.
local function check_growth(folder, touched, log)
  for name, change in pairs(touched) do
    local version, kind = log_file(name)
    if kind ~= "other" and change == "removed" and version >= log.checkpoint then
      hook.fail("a Delta log lost its past: " .. folder .. name .. " is below no newer checkpoint")
    elseif kind ~= "other" and change ~= "removed" and change ~= "added" then
      hook.fail("a Delta log's past was rewritten: " .. folder .. name)
    elseif kind == "entry" and change == "added" and version < log.before then
      hook.fail("a Delta log's past was rewritten: " .. folder .. name .. " came after version " .. log.before)
    end
  end
end

-- A Delta log must hold every version from 0, or from its newest checkpoint, without a gap.
local function check_log(folder, touched)
  local log = read_log(folder, touched)
  check_growth(folder, touched, log)
  if log.checkpoint > log.last then
    hook.fail("a Delta log lost its end: " .. folder .. " has a checkpoint of version " .. log.checkpoint .. " and no entry of it")
  end
  if log.count == 0 then return end
  if log.first ~= 0 and log.checkpoint < log.first - 1 then
    hook.fail("gap in a Delta log: " .. folder .. " begins at version " .. log.first)
  end
  if log.count ~= log.last - log.first + 1 then
    hook.fail("gap in a Delta log: " .. folder .. " has " .. log.count .. " of versions " .. log.first .. " to " .. log.last)
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
changes(head, result, function(path, change)
  if path == receipt_path or starts(path, evidence) then return end
  local fits = false
  for _, prefix in ipairs(prefixes) do fits = fits or starts(path, prefix) end
  if not fits then hook.fail("a receipt of kind " .. receipt.kind .. " may not change " .. path) end
  local is_retired = receipt.kind == "retention" and change == "removed"
  if starts(path, "_lakeloop/") and not is_retired and exists(head, path) then hook.fail("main has said this already: " .. path) end
  if receipt.kind == "bootstrap" and exists(head, path) then hook.fail("the gate is here already: " .. path) end
  local at = string.find(path, "/_delta_log/", 1, true)
  if at ~= nil then
    local folder = string.sub(path, 1, at + 11)
    logs[folder] = logs[folder] or {}
    logs[folder][string.sub(path, at + 12)] = change
  end
end)
for folder, touched in pairs(logs) do check_log(folder, touched) end
