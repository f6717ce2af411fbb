import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Gives the parsers bytes that nobody would write; `make fuzz` chooses how.
///
/// Built with `-D LIBFUZZER`, the arguments are libFuzzer's. Else: `Fuzz SECONDS SEED FINDS INPUTS…`, folders of
/// inputs that are mutated, and the folder to which an input goes whose check fails or crashes.
@main
struct Fuzz {
    #if LIBFUZZER
        static func main() {
            var argc = CommandLine.argc
            var argv = CommandLine.unsafeArgv
            exit(
                runLibFuzzer(&argc, &argv) { start, count in
                    Fuzz.check(Array(UnsafeBufferPointer(start: start, count: count)))
                    return 0
                })
        }
    #else
        static func main() throws {
            let arguments = CommandLine.arguments
            guard arguments.count > 4, let seconds = Double(arguments[1]), let seed = UInt64(arguments[2])
            else {
                print("usage: Fuzz SECONDS SEED FINDS INPUTS...")
                exit(64)
            }
            let inputs = try arguments.dropFirst(4).flatMap(FuzzInputs.read)
            for input in inputs { check(input.bytes) }
            var mutator = Mutator(seed: seed, seeds: inputs.map(\.bytes))
            let find = "\(arguments[3])/mutated-\(seed)"
            let end = Date(timeIntervalSinceNow: seconds)
            var count = inputs.count
            while Date() < end {
                let input = mutator.next()
                // Before the check, which may crash.
                try Data(input).write(to: URL(fileURLWithPath: find))
                check(input)
                count += 1
            }
            try FileManager.default.removeItem(atPath: find)
            print("\(count) inputs in \(Int(seconds)) s, seed \(seed): nothing found")
        }
    #endif

    private static func check(_ input: [UInt8]) {
        do {
            try ParserProperties.check(input)
        } catch {
            FileHandle.standardError.write(Data("violated: \(error)\n".utf8))
            abort()
        }
    }
}

#if LIBFUZZER
    /// libFuzzer's own entry, which leaves `main` to us.
    @_silgen_name("LLVMFuzzerRunDriver")
    private func runLibFuzzer(
        _ argc: UnsafeMutablePointer<CInt>,
        _ argv: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
        _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
    ) -> CInt

    @_silgen_name("LLVMFuzzerMutate")
    private func mutateByLibFuzzer(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ maxCount: Int) -> Int

    /// Mixes libFuzzer's mutations with those that know what the formats are made of.
    @_cdecl("LLVMFuzzerCustomMutator")
    func mutate(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ maxCount: Int, _ seed: UInt32) -> Int {
        guard count > 0, seed % 4 == 0 else { return mutateByLibFuzzer(data, count, maxCount) }
        var mutator = Mutator(seed: UInt64(seed), seeds: [])
        var bytes = Array(UnsafeBufferPointer(start: data, count: count))
        mutator.mutate(&bytes)
        let mutated = bytes.prefix(maxCount)
        _ = UnsafeMutableBufferPointer(start: data, count: maxCount).update(fromContentsOf: mutated)
        return mutated.count
    }
#endif
