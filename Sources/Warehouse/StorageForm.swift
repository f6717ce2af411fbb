import Postgres

/// In which form old days are kept.
package enum StorageForm: String, Sendable, CaseIterable {
    /// As they came: nothing is compacted.
    case heap
    /// In tables of the access method `columnar`, where the server has it (Citus, Hydra).
    case columnar
    /// In rows of lists, on every server.
    case segments

    /// The form that is wanted, or the best that the server has.
    ///
    /// - Throws: `WarehouseError.noColumnar` where it has not what is wanted.
    package static func resolve(_ wanted: StorageForm?, _ connection: Connection) throws -> StorageForm {
        if let wanted, wanted != .columnar { return wanted }
        let hasColumnar: Bool = try connection.query("SELECT daybook.has_columnar()").first().get(0)
        if wanted == .columnar, !hasColumnar { throw WarehouseError.noColumnar }
        return hasColumnar ? .columnar : .segments
    }
}
