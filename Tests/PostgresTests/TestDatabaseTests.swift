import TestSupport
import Testing

/// What the other tests stand on; `make test-citus` tries it first, so that a server that will not do is told once.
@Suite
struct TestDatabaseTests {
    @Test("A test's database has the extensions that are asked for, and goes with the test")
    func own() throws {
        let other = try TestDatabase()
        var database: TestDatabase? = try TestDatabase()
        let name = try #require(database?.name)
        #expect(try database?.value("SELECT current_database()") == name)
        let extensions = try other.rows("SELECT extname FROM pg_extension").map { $0[0] }
        #expect(Set(extensions).isSuperset(of: TestDatabase.extensions))
        database = nil
        #expect(try other.rows("SELECT datname FROM pg_database WHERE datname = '\(name)'") == [])
    }
}
