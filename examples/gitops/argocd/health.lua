-- Computes the health of TrainingRun, ModelVersion and ComplaintClassifier from the conditions that kstatus reads.
local health = { status = "Progressing", message = "waiting for the operator" }
if obj.spec ~= nil and obj.spec.suspend then
  return { status = "Suspended", message = "spec.suspend is set" }
end
if obj.status == nil or obj.status.conditions == nil then
  return health
end
local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end
local function holds(type)
  return conditions[type] ~= nil and conditions[type].status == "True"
end
-- Conditions of an older generation say nothing about this one.
if obj.metadata.generation ~= nil and obj.status.observedGeneration ~= nil
    and obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "the operator has not seen the last change yet" }
end
if holds("Stalled") then
  return { status = "Degraded", message = conditions.Stalled.message }
end
-- A version that a promotion rule rejected is recorded as desired; the message says why it does not serve.
if holds("Ready") and holds("Rejected") then
  return { status = "Healthy", message = "Rejected: " .. conditions.Rejected.message }
end
if holds("Ready") then
  return { status = "Healthy", message = conditions.Ready.message }
end
if conditions.Ready ~= nil then
  health.message = conditions.Ready.message
end
return health
