-- Judges a retention, after lakeloop_publish.lua has judged it as any other work: it takes away and does nothing else,
-- exactly what its receipt lists; of a table only what its log gave up, of evidence only that of ordinary work.
local lakefs = require("lakefs")
local json = require("encoding/json")
local hex = require("encoding/hex")
local sha256 = require("crypto/sha256")
local strings = require("strings")
local hook = require("hook")

local repo = action.repository_id
local result = action.commit_id
local head = action.commit.parents[1]
local told = action.commit.metadata or {}

local run_key = told["lakeloop_run_key"] or ""
local own = { "_lakeloop/receipts/" .. run_key .. ".json", "_lakeloop/evidence/" .. run_key .. "/" }
local spoken = { intake = true, data = true, refusal = true, scores = true, act = true }
local listed, taken, dead = {}, {}, {}

local function starts(text, prefix)
  return string.sub(text, 1, #prefix) == prefix
end

local function read(ref, path)
  local code, body = lakefs.get_object(repo, ref, path)
  if code ~= 200 then hook.fail("cannot read " .. path .. " (" .. code .. ")") end
  return body
end

-- Every item of a paged answer.
local function each(what, ask, visit)
  local after, more = "", true
  while more do
    local code, page = ask(after)
    if code ~= 200 then hook.fail("cannot list " .. what) end
    for _, item in ipairs(page.results) do visit(item) end
    more, after = page.pagination.has_more, page.pagination.next_offset
  end
end

local function is_entry(name)
  return #name == 25 and tonumber(string.sub(name, 1, 20), 10) ~= nil and string.sub(name, 21) == ".json"
end

local function actions_of(path)
  local actions = {}
  for _, line in ipairs(strings.split(read(result, path), "\n")) do
    if line ~= "" then actions[#actions + 1] = json.unmarshal(line) end
  end
  return actions
end

-- The data files that a log's entries took out of their table and did not put back.
local function tombstones(folder)
  local gone = {}
  each(folder, function(after) return lakefs.list_objects(repo, result, after, folder, "", 1000) end, function(item)
    local actions = is_entry(string.sub(item.path, #folder + 1)) and actions_of(item.path) or {}
    for _, one in ipairs(actions) do if one.remove then gone[one.remove.path] = true end end
    for _, one in ipairs(actions) do if one.add then gone[one.add.path] = nil end end
  end)
  return gone
end

-- The folder that a path is in, with its closing slash.
local function up(path)
  for i = #path - 1, 1, -1 do
    if string.byte(path, i) == 47 then return string.sub(path, 1, i) end
  end
end

-- Counts a path to the nearest folder that the receipt lists.
local function note(how, path)
  local folder = up(path)
  while folder ~= nil and listed[how .. folder] == nil do folder = up(folder) end
  if folder == nil then hook.fail("a retention may not take what its receipt does not list: " .. path) end
  local paths = taken[how .. folder]
  paths[#paths + 1] = path
  return folder
end

local function check_log(path, change, at, case)
  if change ~= "added" or not is_entry(string.sub(path, at + 12)) or not starts(path, "quarantine/" .. case .. "/") then
    hook.fail("a retention may not touch a Delta log: " .. path)
  end
  for _, one in ipairs(actions_of(path)) do
    for key in pairs(one) do
      if key ~= "remove" and key ~= "commitInfo" then hook.fail("a retention may not touch a Delta log: " .. path .. " has " .. key) end
    end
    if one.remove then note("drop ", string.sub(path, 1, at) .. one.remove.path) end
  end
end

local function check_evidence(path, case)
  local said = json.unmarshal(read(head, "_lakeloop/receipts/" .. string.sub(path, 20, 83) .. ".json"))
  if said.case ~= case or not spoken[said.kind] then
    hook.fail("a retention may not take evidence of " .. tostring(said.kind) .. ": " .. path)
  end
end

local function check(path, change, case)
  local at = string.find(path, "/_delta_log/", 1, true)
  if at ~= nil then return check_log(path, change, at, case) end
  if change ~= "removed" then hook.fail("a retention may only take away: " .. path .. " is " .. change) end
  local folder = note("take ", path)
  if starts(path, "_lakeloop/evidence/") then return check_evidence(path, case) end
  if starts(path, "landing/") then return end
  dead[folder] = dead[folder] or tombstones(folder .. "_delta_log/")
  if not dead[folder][string.sub(path, #folder + 1)] then hook.fail("its table still needs " .. path) end
end

local receipt = json.unmarshal(read(action.source_ref, own[1]))
if receipt.kind ~= "retention" then return end
for _, record in ipairs(receipt.removed) do
  local key = (record.what == "quarantine" and "drop " or "take ") .. record.path
  listed[key], taken[key] = record, {}
end
each("changes", function(after) return lakefs.diff_refs(repo, head, result, after, "", "", 1000) end, function(item)
  if item.path ~= own[1] and not starts(item.path, own[2]) then check(item.path, item.type, receipt.case) end
end)
for key, record in pairs(listed) do
  table.sort(taken[key])
  local digest = hex.encode(sha256.digest(table.concat(taken[key], "\n")))
  if #taken[key] ~= record.objects or digest ~= record.digest then
    hook.fail("a retention took " .. #taken[key] .. " of " .. record.path .. " and lists other " .. record.objects)
  end
end
