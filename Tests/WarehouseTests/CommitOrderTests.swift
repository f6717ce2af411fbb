import Foundation
import Testing
import Warehouse

struct CommitOrderTests {
    /// What several threads have done, in the order in which they did it.
    private final class Diary: @unchecked Sendable {
        private let lock = NSLock()
        private var entries: [String] = []
        var all: [String] { lock.withLock { entries } }
        func note(_ entry: String) { lock.withLock { entries.append(entry) } }
    }

    /// Runs `body` on threads of their own; false where one of them does not come to its end in time.
    private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) -> Bool {
        let done = DispatchGroup()
        for number in 0..<count {
            done.enter()
            Thread {
                body(number)
                done.leave()
            }.start()
        }
        return done.wait(timeout: .now() + 20) == .success
    }

    @Test("Keys are noted and batches committed in their order, whoever is ready first")
    func order() {
        let order = CommitOrder()
        let turns = (0..<20).map { _ in order.next() }
        let (noted, committed) = (Diary(), Diary())
        let isDone = onThreads(20) { number in
            usleep(UInt32.random(in: 0...3_000))
            try? turns[number].noteKeys { noted.note("\(number)") }
            usleep(UInt32.random(in: 0...3_000))
            try? turns[number].awaitCommit()
            committed.note("\(number)")
            turns[number].end(isWritten: true)
        }
        let expected = (0..<20).map { "\($0)" }
        #expect(isDone && noted.all == expected && committed.all == expected && order.isComplete)
    }

    @Test("A batch that is written a second time holds up none of those behind it")
    func secondTime() throws {
        let order = CommitOrder()
        let turns = (0..<4).map { _ in order.next() }
        for turn in turns.prefix(3) { try turn.noteKeys {} }
        try turns[0].noteKeys {}
        for turn in turns.prefix(3) { turn.end(isWritten: true) }
        let diary = Diary()
        let last = turns[3]
        #expect(
            onThreads(1) { _ in
                try? last.noteKeys { diary.note("noted") }
            })
        #expect(diary.all == ["noted"])
    }

    @Test("Where one is not written, none behind it is; and a wait has its end")
    func breaks() throws {
        let order = CommitOrder()
        let turns = (0..<3).map { _ in order.next() }
        #expect(throws: CommitOrder.TooEarly.self) {
            try turns[1].awaitCommit(until: Date(timeIntervalSinceNow: 0.05))
        }
        let diary = Diary()
        let isDone = onThreads(2) { number in
            if number == 0 {
                usleep(50_000)
                turns[0].end(isWritten: false)
            } else {
                do { try turns[2].awaitCommit() } catch { diary.note("\(type(of: error))") }
            }
        }
        #expect(isDone && diary.all == ["Broken"] && !order.isComplete)
    }
}
