import Postgres

/// What keeps the warehouse from being used as it stands.
package enum WarehouseError: Error, CustomStringConvertible {
    /// A schema of one of our names exists and is not ours.
    case foreignSchema(String)
    /// The database was built by a newer Daybook.
    case newerSchema(file: String)
    /// A schema file differs from what was applied.
    case editedSchema(file: String, appliedAt: String)
    case oldServer(version: Int)
    /// Another run holds the pipeline's lock.
    case locked(pipeline: String, holder: String)
    /// The connection that held the pipeline's lock broke.
    case lockLost(pipeline: String)
    /// The database holds no Daybook schemas yet.
    case empty
    /// The database was built by an older Daybook, and the caller may not change it.
    case outdatedSchema
    /// An `as_of` earlier than the one that the reports stand at.
    case asOfGoesBack(stored: String)
    /// Somebody reads `raw.events` all the time.
    case viewInUse
    /// A transform runs, and what is to be done must not be done beside one.
    case transforming
    /// The project wants columnar tables, which the server has not.
    case noColumnar

    package var description: String {
        switch self {
        case .foreignSchema(let name):
            "the database has a schema \"\(name)\" that Daybook did not make; "
                + "use another database (createdb daybook), for it will not be touched"
        case .newerSchema(let file):
            "the database was built by a newer Daybook (it holds \(file), which this one does not have); "
                + "update this Daybook"
        case .editedSchema(let file, let appliedAt):
            "sql/schema/\(file) is not what was applied to this database on \(appliedAt); "
                + "a schema file is never edited once applied: restore it, and put the change into a new file"
        case .oldServer(let version):
            "the server is PostgreSQL \(version / 10_000); Daybook needs 14 or later"
        case .locked(let pipeline, let holder):
            "another run of \(pipeline) holds its lock (\(holder)); wait for it, or give --lock-wait more seconds"
        case .lockLost(let pipeline):
            "the connection that held the lock of \(pipeline) broke; what was committed stays, run it again"
        case .outdatedSchema: "the database was built by an older Daybook; daybook run brings it up to date"
        case .empty: "the database holds nothing yet; see: daybook run"
        case .asOfGoesBack(let stored):
            "the reports stand at \(stored); setting the time back needs --full-refresh"
        case .viewInUse:
            "raw.events cannot be changed to show compacted days, because somebody is reading it; try again later, or "
                + "give --lock-wait more seconds"
        case .noColumnar:
            "the server has no access method named columnar, which \"storage\" in pipelines/project.jsonc asks for: install "
                + "citus_columnar and CREATE EXTENSION it in this database, or leave \"storage\" out"
        case .transforming:
            "a transform is running; try again when it is done, or give --lock-wait more seconds"
        }
    }
}
