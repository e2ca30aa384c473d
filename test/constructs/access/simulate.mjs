// Answers questions about IAM policies with @cloud-copilot/iam-simulate, all in one process.
//
// Reads {policies, questions, mutants} from standard input. A question refers to policies by index. A mutant
// replaces some policies and lists the questions whose answers this can change. Writes {answers, mutants}: an
// answer is {allowed, identity, resource, why, ignored}; for a mutant, only the answers that differ are
// written, by question index.
import { createValidatedPolicy, validateIdentityPolicy, validateResourcePolicy } from '@cloud-copilot/iam-policy'
import { runSimulation } from '@cloud-copilot/iam-simulate'
import { readFileSync } from 'node:fs'

const { policies, questions, mutants } = JSON.parse(readFileSync(0, 'utf8'))

// The simulator compares ARNs character by character with localeCompare, which creates a collator each time.
// Sharing one makes it much faster.
const collator = new Intl.Collator(undefined, { sensitivity: 'accent' })
const localeCompare = String.prototype.localeCompare
String.prototype.localeCompare = function (other, locales, options) {
  const same = locales === undefined && options?.sensitivity === 'accent' && Object.keys(options).length === 1
  return same ? collator.compare(this, other) : localeCompare.call(this, other, locales, options)
}

// checked caches the validated documents.
const checked = new Map()

function check(document, validate) {
  if (!checked.has(document)) checked.set(document, createValidatedPolicy(document, validate))
  return checked.get(document)
}

async function ask(question, documents) {
  const simulation = {
    request: {
      principal: question.principal,
      action: question.action,
      resource: { resource: question.resource, accountId: question.account },
      contextVariables: question.context,
    },
    identityPolicies: question.identity.map((place) => ({ name: String(place), policy: check(documents(place), validateIdentityPolicy) })),
    resourcePolicy: question.policy === null ? undefined : check(documents(question.policy), validateResourcePolicy),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  }
  const result = await runSimulation(simulation, {})
  if (result.resultType === 'error') {
    throw new Error(`${JSON.stringify(question)}: ${JSON.stringify(result.errors)}`)
  }
  const analyses = result.resultType === 'single' ? [result.result.analysis] : result.results.map((one) => one.analysis)
  const ignored = (result.result ?? result.results[0])?.ignoredContextKeys ?? []
  return {
    allowed: result.overallResult === 'Allowed',
    identity: analyses.some((one) => one.identityAnalysis?.result === 'Allowed'),
    resource: analyses.some((one) => (one.resourceAnalysis?.result ?? '').startsWith('Allowed')),
    why: analyses.flatMap((one) => [
      ...decisive('identity policy', one.identityAnalysis),
      ...decisive('resource policy', one.resourceAnalysis),
    ]),
    ignored,
  }
}

// decisive returns the statements that allow or deny, as text.
function decisive(of, analysis) {
  const statements = [...(analysis?.denyStatements ?? []), ...(analysis?.allowStatements ?? [])]
  return statements.map((one) => `${of}: ${JSON.stringify(one.statement)}`)
}

const answers = []
for (const question of questions) {
  answers.push(await ask(question, (place) => policies[place]))
}

const changes = []
for (const mutant of mutants) {
  const documents = (place) => mutant.documents[place] ?? policies[place]
  const changed = {}
  for (const place of mutant.questions) {
    const answer = await ask(questions[place], documents)
    if (['allowed', 'identity', 'resource'].some((side) => answer[side] !== answers[place][side])) {
      changed[place] = answer
    }
  }
  changes.push(changed)
}
process.stdout.write(JSON.stringify({ answers, mutants: changes }))
