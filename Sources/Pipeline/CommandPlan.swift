import Extract
import Foundation
import Postgres
import Warehouse

/// A call of a program that is to be made: from which cursor on. Its output is a pull of its own, also where the one before
/// was broken off: what a program writes again is not the same bytes.
struct CommandPlan {
    let command: CommandSource
    let sourceID: Int32
    /// Where the call before ended; nil: there is none, or all is asked for anew.
    let cursor: String?
    private let unfinished: Pulls.Unfinished?

    init(_ command: CommandSource, sourceID: Int32, _ connection: Connection) throws {
        self.command = command
        self.sourceID = sourceID
        let unfinished = try Pulls.unfinished(ofSource: sourceID, connection)
        let past = try Pulls.past(
            ofSource: sourceID, requestHash: command.requestHash, markHash: command.requestHash, connection)
        self.unfinished = unfinished
        var mark = past.mark
        if let unfinished, unfinished.requestHash == command.requestHash {
            mark = unfinished.checkpoint.flatMap(CommandPlan.cursor) ?? unfinished.since ?? mark
        }
        let known = mark.map { CursorValue($0).text }
        cursor = command.cursor == nil ? nil : known ?? command.cursor?.initial
    }

    /// What a person should know.
    var note: String? { cursor.map { "asks from cursor \(command.secrets.hidden($0))" } }

    /// Begins the call.
    ///
    /// - Returns: its number.
    func begin(_ connection: Connection) throws -> Int64 {
        if let unfinished {
            try Pulls.forgetClaims(
                ofPull: unfinished.pullID, source: sourceID, behind: -1, connection)
            try Pulls.abandon(
                unfinished.pullID, reason: "the run ended before the output did; the program is called again",
                connection)
        }
        return try Pulls.begin(
            source: sourceID, object: command.name, requestHash: command.requestHash,
            markHash: command.requestHash, since: cursor.map { CommandPlan.json($0) }, movesMark: true,
            connection)
    }

    /// Notes that all of the output is loaded.
    ///
    /// - Parameter mark: how far the cursor came, as JSON; nil: nowhere.
    func finish(_ pullID: Int64, mark: String?, _ connection: Connection) throws {
        try Pulls.finish(
            pullID, mark: mark ?? cursor.map { CommandPlan.json($0) }, validators: nil, connection)
    }

    /// A checkpoint as the ledger keeps it.
    static func checkpoint(_ mark: String) -> String { "{\"cursor\":\(mark)}" }

    private static func cursor(_ checkpoint: String) -> String? {
        struct Stored: Decodable { let cursor: String }
        return (try? JSONDecoder().decode(Stored.self, from: Data(checkpoint.utf8)))
            .map { CommandPlan.json($0.cursor) }
    }

    private static func json(_ text: String) -> String {
        (try? String(decoding: JSONEncoder().encode(text), as: UTF8.self)) ?? "\"\""
    }
}
