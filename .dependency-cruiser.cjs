// The architecture, from the top: a folder imports only from folders below it, types included.
const ORDER = [
  'cli',
  'diagnosis',
  'recovery',
  'metadata',
  'provider',
  'credentials',
  'imds',
  'events',
  'config',
  'refresh',
  'errors.ts',
  'runtime',
]

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circle', severity: 'error', from: {}, to: { circular: true } },
    ...ORDER.slice(1).map((part, index) => ({
      name: `${part}-imports-downwards`,
      comment: 'An import that runs up belongs somewhere else, or what it asks for does.',
      severity: 'error',
      from: { path: `^src/${part}` },
      to: { path: `^src/(${ORDER.slice(0, index + 1).join('|')}|index\\.ts)` },
    })),
    {
      name: 'testing-stands-alone',
      comment: 'The emulated instance spells the protocol again: shared names would share their typos.',
      severity: 'error',
      from: { path: '^src/testing' },
      to: { path: '^src/', pathNot: '^src/testing' },
    },
    {
      name: 'testing-serves-the-cli-alone',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(testing|cli)' },
      to: { path: '^src/testing' },
    },
    {
      name: 'every-file-in-a-folder',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$', pathNot: '^src/(index|errors)\\.ts$' },
      to: {},
    },
    {
      name: 'sockets-in-the-transports-alone',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(imds/http-transport\\.ts|testing|cli)' },
      to: { path: '^(node:)?(http|https|net|tls|undici)$' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  },
}
