module.exports = { testMatch: ['**/in-jest.test.cjs'], testEnvironment: process.env.ENVIRONMENT }
