import { readdirSync, readFileSync } from 'node:fs'
import { posix, resolve } from 'node:path'
import { expect, test } from 'vitest'

// Prevents that the drawing in CONTRIBUTING.md shows a house that is no longer there.

const ROOT = resolve(import.meta.dirname, '..')

interface Room {
  readonly name: string
  readonly mayImport: readonly string[]
  /** Paths below `src`, without their ending; `folder/*` for all in a folder. */
  readonly files: readonly string[]
}

/** The rows of the table of rooms. */
function readRooms(): Room[] {
  const [, section = ''] = readFileSync(resolve(ROOT, 'CONTRIBUTING.md'), 'utf8').split('## Architecture')
  const rows = (section.split('\n## ')[0] ?? '').matchAll(/^\| `(\w+)` \|(.*?)\|(.*)\|$/gm)
  return [...rows].map(([, name = '', arrows = '', files = '']) => ({
    name,
    mayImport: [...arrows.matchAll(/`(\w+)`/g)].map(([, room]) => room ?? ''),
    files: files.split(' · ').map((entry) => /`([^`]+)`:/.exec(entry)?.[1] ?? ''),
  }))
}

const ROOMS = readRooms()

const SOURCES = readdirSync(resolve(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => path.replaceAll('\\', '/').replace(/\.ts$/, ''))

/** The files of ours that a file imports: types and `import()` included. */
const IMPORTS = new Map(
  SOURCES.map((file) => {
    const text = readFileSync(resolve(ROOT, 'src', `${file}.ts`), 'utf8')
    const specifiers = [...text.matchAll(/(?:from |import |import\()'(\.[^']+)\.js'/g)]
    return [file, specifiers.map(([, to = '']) => posix.join(posix.dirname(file), to))] as const
  }),
)

function roomsOf(file: string): string[] {
  const isIn = (entry: string): boolean => entry === file || entry === `${posix.dirname(file)}/*`
  return ROOMS.filter(({ files }) => files.some(isIn)).map(({ name }) => name)
}

/** `from → to`, by the names of rooms, and which files draw the arrow. */
function arrows(): { from: string; to: string; drawnBy: string }[] {
  return [...IMPORTS].flatMap(([file, imported]) =>
    imported.map((to) => ({
      from: String(roomsOf(file)),
      to: String(roomsOf(to)),
      drawnBy: `${file} → ${to}`,
    })),
  )
}

test('has every file in one room, and no room for a file that is gone', () => {
  expect(SOURCES.length).toBeGreaterThan(50)
  expect(SOURCES.filter((file) => roomsOf(file).length !== 1)).toEqual([])
  const named = ROOMS.flatMap(({ files }) => files).filter((file) => !file.endsWith('/*'))
  expect(named.filter((file) => !SOURCES.includes(file))).toEqual([])
})

test('draws no arrow that the table does not allow', () => {
  const allowed = new Map(ROOMS.map(({ name, mayImport }) => [name, [name, ...mayImport]]))
  const drawn = arrows()
  expect(drawn.length).toBeGreaterThan(100)
  expect(drawn.filter(({ from, to }) => allowed.get(from)?.includes(to) !== true)).toEqual([])
})

test('allows no arrow that nothing draws', () => {
  const drawn = new Set(arrows().map(({ from, to }) => `${from} → ${to}`))
  const allowed = ROOMS.flatMap(({ name, mayImport }) => mayImport.map((to) => `${name} → ${to}`))
  expect(allowed.filter((arrow) => !drawn.has(arrow))).toEqual([])
})

test('allows arrows that go down only', () => {
  const upwards = ROOMS.filter(({ mayImport }, floor) => {
    const below = ROOMS.slice(floor + 1).map(({ name }) => name)
    return mayImport.some((to) => !below.includes(to))
  })
  expect(ROOMS.length).toBeGreaterThan(5)
  expect(upwards.map(({ name }) => name)).toEqual([])
})

test('lets nothing but the commands into the emulated instance, and the emulated instance into nothing', () => {
  const intoTesting = ROOMS.filter(({ mayImport }) => mayImport.includes('testing'))
  expect(intoTesting.map(({ name }) => name)).toEqual(['cli'])
  expect(ROOMS.find(({ name }) => name === 'testing')?.mayImport).toEqual([])
  expect(ROOMS.filter(({ mayImport }) => mayImport.includes('cli'))).toEqual([])
})

test('imports in no circle, within a room either', () => {
  const left = new Map(IMPORTS)
  const isFree = (imported: readonly string[]): boolean => !imported.some((file) => left.has(file))
  for (let free = freeOf(left, isFree); free.length > 0; free = freeOf(left, isFree))
    for (const file of free) left.delete(file)
  expect([...left.keys()]).toEqual([])
})

/** What depends on nothing that is left. */
function freeOf(
  left: ReadonlyMap<string, readonly string[]>,
  isFree: (imported: readonly string[]) => boolean,
): string[] {
  return [...left].filter(([, imported]) => isFree(imported)).map(([file]) => file)
}
