// @ts-check

/** @type {import('jest').Config} */
module.exports = {
  // Within this repository only: has 'instance-role' found in its build.
  moduleNameMapper: {
    '^instance-role$': '<rootDir>/../../dist/index.cjs',
    '^instance-role/testing$': '<rootDir>/../../dist/testing/index.cjs',
  },
}
