// Verifies an export of the audit log (NDJSON) by docs/audit-log.md: node verify.mjs FILE [PUBLIC_KEY]
import { createHash, createPublicKey, verify } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

const NAMES = 'accountId sequence id occurredAt action outcome summary actorKind actorMemberId actorName credentialKind'
  + ' credentialId credentialLabel targetType targetId targetName ip userAgent requestId'
const [path, publicKey] = process.argv.slice(2)
const field = (text) => text === null ? '-,' : `${Buffer.byteLength(text)}:${text},`
const joined = (texts) => Buffer.from(texts.map(field).join(''))
const ensure = (isSo, otherwise) => { if (!isSo) { console.error(otherwise); process.exit(1) } }
let events = 0, first, last, end, prunings = [], hashes = new Map()
for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
  ensure(!end, 'something comes after the last line')
  if (line.startsWith('{"end":true,')) { end = JSON.parse(line); continue }
  let event
  try { event = JSON.parse(line) } catch { ensure(false, `broken off after event ${last?.sequence ?? 0}`) }
  const { previousHash, hash, details, ...fields } = event, place = `event ${event.sequence}`
  ensure(Object.keys(fields).join(' ') === NAMES && Number.isSafeInteger(event.sequence)
    && event.accountId === (first ?? event).accountId, `${place} has other fields`)
  const raw = line.slice(line.indexOf(',"details":') + 11, line.lastIndexOf(',"previousHash":"'))
  const whole = `${JSON.stringify(fields).slice(0, -1)},"details":${raw},"previousHash":"${previousHash}","hash":"${hash}"}`
  const texts = [...Object.values(fields).map((value) => value === null ? null : String(value)), raw]
  const message = Buffer.concat([Buffer.from(previousHash, 'hex'), joined(texts)])
  ensure(createHash('sha256').update(message).digest('hex') === hash && whole === line, `${place} was changed`)
  ensure(!last || event.sequence > last.sequence, `${place} is out of place`)
  ensure(event.sequence !== last?.sequence + 1 || previousHash === last.hash, `${place} does not follow from the last`)
  if (event.action === 'AUDIT_LOG_PRUNED') prunings.push(event)
  first ??= event, last = event, events += 1
  if (first.sequence > 1) hashes.set(event.sequence, hash)
}
const isVouchedFor = ({ accountId, details: { prunedThrough, hash, count, exportSha256, signature } }) =>
  publicKey && hash === (hashes.get(prunedThrough) ?? first.previousHash) && prunedThrough >= first.sequence - 1 && verify(null,
    joined(['team-access audit log pruned', accountId, `${prunedThrough}`, hash, `${count}`, exportSha256]),
    createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: publicKey } }), Buffer.from(signature, 'base64url'))
const isAtHead = end?.headHash === last?.hash && end?.headSequence === last?.sequence
ensure(end?.events === events && (end.filtered || isAtHead), 'events are missing at the end')
ensure(end.filtered || last.sequence - first.sequence + 1 === events, 'events are missing in between')
ensure(end.filtered || /^1 0+$/.test(`${first.sequence} ${first.previousHash}`) || prunings.some(isVouchedFor), 'the beginning is missing')
console.log(`${events} events are what was written${end.filtered ? '; what a filter left out, nobody can tell' : ` up to ${last.hash}`}`)
