import Postgres
import SQLFiles

/// The proof that nothing was lost and nothing doubled: the statements of `sql/verify`, whose rows are problems.
package enum Verification {
    /// What is wrong, in words; empty where all is well. All statements see one snapshot.
    package static func problems(_ connection: Connection) throws -> [String] {
        try connection.transaction("ISOLATION LEVEL REPEATABLE READ READ ONLY") {
            try SQLFiles.builtin.folder("verify").flatMap { file in
                try connection.query(file.text, action: file.path).rows.map { try $0.get("problem") }
            }
        }
    }
}
