import Foundation
import Pipeline
import Postgres

/// Where an export goes: stdout or a file, compressed by an installed program beside us, where that is wished. A file
/// gets its name when it is whole.
final class ExportFile {
    enum Compression: String, CaseIterable {
        case none, gzip, zstd, xz, bzip2

        /// By the ending of a file's name.
        init(ofFile name: String) {
            let endings: [(String, Compression)] = [
                (".gz", .gzip), (".zst", .zstd), (".xz", .xz), (".bz2", .bzip2),
            ]
            self = endings.first { name.hasSuffix($0.0) }?.1 ?? .none
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let file: WholeFile?
    private let name: String
    private let target: FileHandle
    private let program: Process?
    private let pipe: Pipe?
    private var buffer: [UInt8] = []
    private static let blockBytes = 256 << 10

    /// - Parameter path: nil: stdout.
    /// - Throws: `WholeFile.Failure` where the file cannot be made, or `Failure` where the program is not there.
    init(_ path: String?, _ compression: Compression) throws {
        file = try path.map { try WholeFile($0) }
        name = path ?? "the output"
        target = file.map { FileHandle(fileDescriptor: $0.descriptor) } ?? .standardOutput
        guard compression != .none else {
            (program, pipe) = (nil, nil)
            return
        }
        let (process, pipe) = (Process(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [compression.rawValue, "-c"]
        process.standardInput = pipe
        process.standardOutput = target
        (program, self.pipe) = (process, pipe)
        try process.run()
        try? pipe.fileHandleForReading.close()
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        buffer.append(contentsOf: bytes)
        if buffer.count >= ExportFile.blockBytes { try flush() }
    }

    private func flush() throws {
        do {
            try (pipe?.fileHandleForWriting ?? target).write(contentsOf: Data(buffer))
        } catch {
            if let program, !program.isRunning { throw ended(program) }
            throw Failure(
                description: "\(name) cannot be written: \(error.localizedDescription)")
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Writes what is left, and gives the file its name.
    func finish() throws {
        try flush()
        if let program {
            try pipe?.fileHandleForWriting.close()
            program.waitUntilExit()
            guard program.terminationStatus == 0 else { throw ended(program) }
        }
        try file?.finish()
    }

    /// Leaves nothing behind.
    func discard() {
        try? pipe?.fileHandleForWriting.close()
        program?.terminate()
        file?.discard()
    }

    private func ended(_ program: Process) -> Failure {
        let name = program.arguments?.first ?? ""
        program.waitUntilExit()
        return Failure(
            description: program.terminationStatus == 127
                ? "the program \(name) is not installed; install it, or choose another --compress"
                : "\(name) exited with code \(program.terminationStatus)")
    }
}
