// @ts-check

/** @type {import('jest').Config} */
module.exports = {
  // Only in this repository: resolves 'instance-role' to its build.
  moduleNameMapper: {
    '^instance-role$': '<rootDir>/../../dist/index.cjs',
    '^instance-role/testing$': '<rootDir>/../../dist/testing/index.cjs',
  },
}
