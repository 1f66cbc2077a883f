// Events of the audit log and the Merkle tree over their hashes, by docs/reference/audit-log.md, for verify.mjs
import { createHash } from 'node:crypto'

const NAMES = 'version accountId sequence id occurredAt action outcome summary actorKind actorMemberId actorName credentialKind'
  + ' credentialId credentialLabel targetType targetId targetName ip userAgent requestId personalDetails salt'
const NUMBERS = ['version', 'sequence']
const PERSONAL = 'summary actorName credentialLabel targetName ip userAgent'.split(' ')
const field = (text) => text === null ? '-,' : `${Buffer.byteLength(text)}:${text},`
export const joined = (texts) => Buffer.from(texts.map(field).join(''))
const sha256 = (...parts) => { const hash = createHash('sha256'); parts.forEach((part) => hash.update(part)); return hash }
export const hexOf = (text, size) => { const bytes = Buffer.from(`${text}`, 'hex')
  return bytes.length === size && bytes.toString('hex') === text ? bytes : null }
// Lone surrogates have the bytes of U+FFFD in UTF-8: with them, different lines would have the same hash.
const isText = (value) => value === null || typeof value === 'string' && Buffer.from(value).toString() === value
const isNoText = (name, value) => NUMBERS.includes(name) || PERSONAL.includes(name) && typeof value === 'object'
// The texts that are hashed, of each personal field its commitment, and the number of values that are missing. Null where
// a salt or a commitment is malformed.
function hashed ({ salt, personalDetails, ...fields }) {
  const root = typeof salt === 'string' ? hexOf(salt, 16) : null, salts = root ? {} : Object(salt), used = []
  let missing = 0, isWell = Boolean(root || salt !== null && typeof salt === 'object')
    && Object.entries(fields).every(([name, value]) => isNoText(name, value) || isText(value))
  const commitment = (name, value, text) => {
    if (value !== null && typeof value === 'object' && Object.keys(value).join() === 'commitment') {
      missing += 1, isWell &&= hexOf(value.commitment, 32) !== null
      return value.commitment
    }
    used.push(name)
    const own = root ? sha256(root, name).digest() : hexOf(salts[name], 32)
    isWell &&= own !== null && typeof text === 'string'
    return isWell ? sha256(own, text).digest('hex') : ''
  }
  for (const name of PERSONAL) if (fields[name] !== null) fields[name] = commitment(name, fields[name], fields[name])
  if (personalDetails !== null) {
    const keys = Object.keys(Object(personalDetails)), bytes = (key) => Buffer.from(key)
    isWell &&= keys.length > 0 && keys.every((key, at) => !at || Buffer.compare(bytes(keys[at - 1]), bytes(key)) < 0)
    personalDetails = keys.map((key) => [key, commitment(`details.${key}`, personalDetails[key],
      JSON.stringify(personalDetails[key]))].map(field).join('')).join('')
  }
  isWell &&= (missing > 0) === !root && (root !== null || Object.keys(salts).join() === used.join())
  const texts = [...Object.values(fields).map((value) => value === null ? null : String(value)), personalDetails]
  return isWell ? { texts, missing } : null
}
// What is wrong with an event as parsed from its line, if anything, and the number of its values that are missing.
export function check (event, line, accountId) {
  const { previousHash, hash, details, ...fields } = event
  if (Object.keys(fields).join(' ') !== NAMES || !Number.isSafeInteger(event.sequence) || event.version !== 2
    || event.accountId !== accountId) return { problem: 'has other fields' }
  const raw = line.slice(line.indexOf(',"details":') + 11, line.lastIndexOf(',"previousHash":"'))
  const whole = `${JSON.stringify(fields).slice(0, -1)},"details":${raw},"previousHash":"${previousHash}","hash":"${hash}"}`
  const found = hashed(fields)
  if (!found) return { problem: 'has personal fields that are not as exports have them' }
  const computed = sha256(Buffer.from(`${previousHash}`, 'hex'), joined([...found.texts, raw])).digest('hex')
  return computed === hash && whole === line && hexOf(previousHash, 32) ? found : { problem: 'was changed' }
}

// The tree of RFC 6962.
export const leaf = (hash) => sha256('\x00', Buffer.from(hash, 'hex')).digest()
const node = (left, right) => sha256('\x01', left, right).digest()
// Complete subtrees from the left, [size, hash], with one more leaf.
export function append (subtrees, hash) {
  let size = 1, root = leaf(hash)
  for (; subtrees.at(-1)?.[0] === size; size *= 2) root = node(subtrees.pop()[1], root)
  subtrees.push([size, root])
}
export const rootOf = (subtrees) => subtrees.length
  ? subtrees.map(([, root]) => root).reduceRight((right, left) => node(left, right)) : sha256().digest()
const split = (size) => { let left = 1; while (left * 2 < size) left *= 2; return left }
const taken = (path) => path.pop() ?? Buffer.alloc(0)
// Root of a tree that has the leaf at the index. Takes the path from its end.
export function rootWith (leaf, index, size, path) {
  if (size <= 1) return leaf
  const left = split(size), other = taken(path)
  return index < left ? node(rootWith(leaf, index, left, path), other)
    : node(other, rootWith(leaf, index - left, size - left, path))
}
// Roots of a tree when it had the size `before`, and now. Takes the path from its end.
export function rootsOf (before, size, path) {
  const left = split(size), other = taken(path)
  if (before >= size) return [other, other]
  const [old, root] = before <= left ? rootsOf(before, left, path) : rootsOf(before - left, size - left, path)
  return before <= left ? [old, node(root, other)] : [node(other, old), node(other, root)]
}
