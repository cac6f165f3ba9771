import js from '@eslint/js'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

const ambientClocks = [
  { object: 'Date', property: 'now', message: 'Take it from Runtime.now.' },
  { object: 'Math', property: 'random', message: 'Take it from Runtime.random.' },
  { object: 'AbortSignal', property: 'timeout', message: 'Take it from Runtime.' },
]

export default defineConfig(
  { ignores: ['**/dist/**', 'coverage/**', 'api/**', 'bench/.out/**', 'test/leaks/.out/**'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/**/*.ts', 'drop-in/src/**/*.ts'],
    rules: {
      complexity: ['error', 8],
      // `import { type A } from 'undici'` stays an import of undici; `import type` does not.
      '@typescript-eslint/no-import-type-side-effects': 'error',
      'max-lines-per-function': ['error', { max: 30, skipBlankLines: true, skipComments: true }],
      'no-restricted-globals': [
        'error',
        { name: 'fetch', message: 'It belongs to others: ask IMDS through the transport.' },
        'setTimeout',
        'setInterval',
        'setImmediate',
        'globalThis',
        'process',
        'console',
        'performance',
      ],
      'no-restricted-properties': ['error', ...ambientClocks],
    },
  },
  {
    // The edges: where the world comes in.
    files: [
      'src/runtime/**',
      'src/imds/http-transport.ts',
      'drop-in/src/default-chain.ts',
      'src/cli/**',
      'src/testing/**',
    ],
    rules: { 'no-restricted-globals': 'off', 'no-restricted-properties': 'off' },
  },
  {
    files: ['test/**/*.ts', 'examples/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': 'error' },
  },
  {
    files: ['examples/jest-commonjs/*.js'],
    languageOptions: { sourceType: 'commonjs', globals: { process: 'readonly', URL: 'readonly' } },
  },
  {
    // Run outside of this repository's tool chain: on other runtimes, and where the packed package is installed.
    files: ['test/matrix/programs/**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: {
        ...{ console: 'readonly', process: 'readonly', require: 'readonly', exports: 'writable' },
        ...{ fetch: 'readonly', Response: 'readonly', performance: 'readonly' },
        ...{ module: 'readonly', setTimeout: 'readonly' },
      },
    },
  },
)
